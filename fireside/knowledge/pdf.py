"""PDF files to blocks, a page each, under the headings of the file's own outline.

What a page holds beside text is named: a scan is not guessed at.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fireside.errors import Corrupt, Unsupported
from fireside.knowledge.documents import Block, LeftOut, Unread

MOST_PAGES = 20_000
MOST_FIELDS = 1_000  # of a page
FIGURE = re.compile(r"[+−–-]?\d")
PUSH_BUTTON = 1 << 16  # a flag of a field: it has no value
COMMENTS = {"/Text": "comment", "/StrikeOut": "struck passage"}
ENCRYPTED = "The PDF is encrypted: save it without a password."
SCAN = "The PDF holds no text, perhaps it is a scan: run it through OCR first."


def pdf(path: Path) -> Iterator[Block | Unread]:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)  # nobody reads this process's stderr
    # An open file: of a path all of it would be held in memory.
    with path.open("rb") as file:
        try:
            reader = PdfReader(file)
            if reader.is_encrypted and not reader.decrypt(""):
                raise Corrupt(ENCRYPTED)
            count = len(reader.pages)
        except (DependencyError, FileNotDecryptedError):
            raise Corrupt(ENCRYPTED) from None
        except PyPdfError as error:
            raise Corrupt(f"The PDF is damaged ({_line(error)}): upload it again.") from None
        if count > MOST_PAGES:
            raise Corrupt(f"The PDF has {count} pages; {MOST_PAGES} are read: split it.")
        sections = _sections(reader)
        section: tuple[str, ...] = ()
        blank: list[int] = []
        unread: list[str] = []
        left_out = LeftOut()
        for number in range(1, count + 1):
            section = sections.get(number, section)
            try:
                page = reader.pages[number - 1]
                text = _text(page, left_out)
            except (MemoryError, RecursionError):
                raise
            except Exception as error:  # of the library and of what it is built on
                unread.append(f"page {number}: it is damaged ({_line(error)})")
                continue
            if not text:
                blank.append(number)
                continue
            if _is_unmapped(text):
                unread.append(f"page {number}: its font does not say which letters it draws")
            yield Block(text=text + "\n\n", page=number, section=section)
        if len(blank) + sum("damaged" in line for line in unread) == count:
            raise (
                Corrupt(f"No page of the PDF can be read: {unread[0]}.")
                if unread
                else Unsupported(SCAN)
            )
        if blank:
            yield Unread(f"{_pages(blank)}: no text; a picture, a scan or empty")
        yield from map(Unread, unread)
        yield from left_out.unread()
        yield from _beside(reader)


class DrawnText:
    """The pieces of a page's text, in the order in which they are read.

    A raised figure stands after `^`: 10⁶ would be read as 106.  It is smaller than the text before
    it on its line, and stands higher.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._baseline: float | None = None  # of the line's text; None at its beginning
        self._height = 0.0
        self._last = " "  # letter

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def add(
        self, piece: str, page: Sequence[float], line: Sequence[float], font: object, size: float
    ) -> None:
        """As pypdf calls a visitor.  page, line: the six numbers of its matrices."""
        if piece.strip():
            baseline = page[5] + line[5] * page[3] + line[4] * page[1]
            height = abs(size * line[3] * page[3])
            if self._is_raised(piece, baseline, height):
                piece = f"^{piece}"
            else:
                self._baseline, self._height = baseline, height
        if "\n" in piece:
            self._baseline = None
        self._pieces.append(piece)
        self._last = piece[-1:] or self._last

    def _is_raised(self, piece: str, baseline: float, height: float) -> bool:
        if self._baseline is None or not FIGURE.match(piece) or not height < 0.9 * self._height:
            return False
        return not self._last.isspace() and 0.1 < (baseline - self._baseline) / self._height < 0.8


def _text(page: Any, left_out: LeftOut) -> str:
    """What the page shows: its text, what was typed into its form, and what was written on it."""
    drawn = DrawnText()
    page.extract_text(visitor_text=drawn.add)
    parts = [drawn.text.strip()]
    for each in list(page.get("/Annots") or ())[:MOST_FIELDS]:
        mark = each.get_object()
        kind = mark.get("/Subtype")
        if kind == "/Widget" and not int(mark.get("/F", 0)) & 2:  # 2: hidden
            parts.append(_field(mark))
        elif kind == "/FreeText":
            parts.append(str(mark.get("/Contents", "")).strip())
        elif kind in COMMENTS:
            left_out.add(COMMENTS[kind])
    return "\n".join(part for part in parts if part)


def _field(widget: Any) -> str:
    """`name: value` of a text or a choice, `name: ☒` of a box; a widget may leave both to the field
    above it."""
    above = widget.get("/Parent")
    above = above.get_object() if above is not None else {}
    kind = widget.get("/FT", above.get("/FT"))
    value = widget.get("/V", above.get("/V"))
    if kind == "/Btn" and not int(widget.get("/Ff", above.get("/Ff", 0))) & PUSH_BUTTON:
        value = "☐" if widget.get("/AS", value) in (None, "/Off") else "☒"
        kind = "/Ch"
    if kind not in ("/Tx", "/Ch") or value is None:
        return ""
    value = value.get_object() if hasattr(value, "get_object") else value
    values = value if isinstance(value, list) else [value]
    text = ", ".join(str(each).strip() for each in values)
    name = str(widget.get("/TU") or widget.get("/T") or above.get("/T") or "").strip()
    return (f"{name}: {text}" if name else text) if text else ""


def _beside(reader: Any) -> Iterator[Unread]:
    """What is no page."""
    try:
        root = reader.trailer["/Root"]
        if "/XFA" in (root.get("/AcroForm") or {}):
            yield Unread("a dynamic form (XFA): what a viewer makes of it")
        files = len(list(reader.attachments))
        if files:
            yield Unread(f"{files} attached file{'s' if files > 1 else ''}")
    except (MemoryError, RecursionError):
        raise
    except Exception:
        yield Unread("the list of attached files: it is damaged")


def _is_unmapped(text: str) -> bool:
    """Whether more than a tenth of the letters are none: codes of a font without a map."""
    odd = sum(1 for each in text if each == "�" or "\ue000" <= each <= "\uf8ff" or each < "\t")
    return odd * 10 > len(text)


def _pages(numbers: list[int]) -> str:
    """`page 3`, `pages 3, 5-9`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    names = [str(a) if a == b else f"{a}-{b}" for a, b in runs]
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"page{'s' if len(numbers) > 1 else ''} {shown}"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:100] or type(error).__name__


def _sections(reader: Any) -> dict[int, tuple[str, ...]]:
    """The heading path at the top of each page that begins one; the first of a page counts."""
    found: dict[int, tuple[str, ...]] = {}

    def walk(entries: Any, above: tuple[str, ...], depth: int) -> None:
        last: tuple[str, ...] = above
        for entry in entries:
            if isinstance(entry, list):
                if depth < 10:
                    walk(entry, last, depth + 1)
                continue
            last = (*above, " ".join(str(entry.title).split())[:200])
            number = reader.get_destination_page_number(entry)
            if number is not None and number >= 0:
                found.setdefault(number + 1, last)

    try:
        walk(reader.outline, (), 0)
    except Exception:  # a broken outline is no reason to refuse the text
        return {}
    return found
