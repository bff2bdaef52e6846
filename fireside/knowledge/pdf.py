"""PDF files to blocks, a page each, under the headings of the file's own outline.

It refuses files that need a password, and scans: what holds no text is not guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fireside.errors import Corrupt, Unsupported
from fireside.knowledge.documents import Block

MOST_PAGES = 20_000


def pdf(path: Path) -> Iterator[Block]:
    from pypdf import PdfReader
    from pypdf.errors import DependencyError, FileNotDecryptedError, PyPdfError

    try:
        reader = PdfReader(path)
        if reader.is_encrypted and not reader.decrypt(""):
            raise Corrupt("The PDF is encrypted: save it without a password.")
        count = len(reader.pages)
    except (DependencyError, FileNotDecryptedError):
        raise Corrupt("The PDF is encrypted: save it without a password.") from None
    except PyPdfError as error:
        raise Corrupt(f"The PDF is damaged ({_line(error)}): upload it again.") from None
    if count > MOST_PAGES:
        raise Corrupt(f"The PDF has {count} pages; {MOST_PAGES} are read: split it.")
    sections = _sections(reader)
    section: tuple[str, ...] = ()
    words = False
    for number, page in enumerate(reader.pages, 1):
        section = sections.get(number, section)
        try:
            text = page.extract_text()
        except PyPdfError as error:
            raise Corrupt(f"Page {number} of the PDF is damaged ({_line(error)}).") from None
        if text.strip():
            words = True
            yield Block(text=text.strip() + "\n\n", page=number, section=section)
    if not words:
        raise Unsupported("The PDF holds no text, perhaps it is a scan: run it through OCR first.")


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
