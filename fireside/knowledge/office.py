"""Word, PowerPoint and Excel files to blocks.

Left out, and said so in docs/knowledge.md: headers, footers, comments, footnotes, text in
pictures.  Archives are checked before a byte of them is unpacked: it refuses bombs, and parts that
declare entities, which no office program writes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from fireside.errors import Corrupt
from fireside.knowledge.documents import Block
from fireside.knowledge.written import lines_of

MOST_ENTRIES = 20_000
MOST_UNPACKED = 400 * 2**20
MOST_RATIO = 200  # text of one letter packs a thousandfold; what people write, ten- to fiftyfold
SMALL = 2**20
MOST_ROWS, MOST_COLUMNS = 1_000_000, 1_000


def check_archive(path: Path) -> None:
    """
    Raises:
        Corrupt: damaged, encrypted, or it would unpack to more than a document does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
            unpacked = sum(entry.file_size for entry in entries)
            if len(entries) > MOST_ENTRIES or unpacked > MOST_UNPACKED:
                raise Corrupt(
                    f"The file unpacks to {unpacked >> 20} MiB in {len(entries)} parts; "
                    f"{MOST_UNPACKED >> 20} MiB in {MOST_ENTRIES} are read: split it."
                )
            for entry in entries:
                if entry.flag_bits & 1:
                    raise Corrupt("The document is encrypted: save it without a password.")
                ratio = entry.file_size / max(1, entry.compress_size)
                if entry.file_size > SMALL and ratio > MOST_RATIO:
                    raise Corrupt(
                        f"A part of the file unpacks to {ratio:.0f} times its size, as a zip "
                        "bomb does: it was not opened."
                    )
                if entry.filename.endswith((".xml", ".rels")):
                    with archive.open(entry) as part:
                        if b"<!DOCTYPE" in part.read(1024):
                            raise Corrupt("A part of the file declares entities: not opened.")
    except (zipfile.BadZipFile, EOFError, OSError, ValueError, NotImplementedError):
        raise Corrupt("The file is damaged or cut short: upload it again.") from None


def docx(path: Path) -> Iterator[Block]:
    """Pages are those at which Word last drew it, where it left word of them."""
    from docx import Document
    from docx.table import Table

    check_archive(path)
    document = Document(str(path))
    headings: list[tuple[int, str]] = []
    paged = any(True for _ in islice(document.element.body.iter(_PAGE_BREAK), 1))
    page = 1
    for item in document.iter_inner_content():
        here = page if paged else None
        if isinstance(item, Table):
            lines = list(lines_of([cell.text for cell in _unmerged(row)] for row in item.rows))
            text = "\n".join(lines)
            page += sum(1 for _ in item._element.iter(_PAGE_BREAK))
        else:
            text = item.text
            level = _level(item.style.name if item.style is not None else "")
            if level is not None and text.strip():
                while headings and headings[-1][0] >= level:
                    headings.pop()
                headings.append((level, " ".join(text.split())))
            page += len(item.rendered_page_breaks)
        if text.strip():
            section = tuple(title for _, title in headings)
            yield Block(text=text + "\n\n", page=here, section=section)


_PAGE_BREAK = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}lastRenderedPageBreak"


def _level(style: str | None) -> int | None:
    found = re.fullmatch(r"heading (\d)", (style or "").lower())
    return int(found[1]) if found else 0 if (style or "").lower() == "title" else None


def _unmerged(row: Any) -> Iterator[Any]:
    """A merged cell once, not once for each column that it spans."""
    before = None
    for cell in row.cells:
        if cell._tc is not before:
            yield cell
        before = cell._tc


def pptx(path: Path) -> Iterator[Block]:
    """A slide is a page, its title a section; its notes follow it."""
    from pptx import Presentation

    check_archive(path)
    for number, slide in enumerate(Presentation(str(path)).slides, 1):
        title = slide.shapes.title
        named = " ".join(title.text_frame.text.split()) if title is not None else ""
        parts = list(_shapes(slide.shapes))
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            parts.append(slide.notes_slide.notes_text_frame.text)
        text = "\n".join(part for part in parts if part.strip()).replace("\v", "\n")
        if text:
            yield Block(text=text + "\n\n", page=number, section=(named,) if named else ())


def _shapes(shapes: Any) -> Iterator[str]:
    for shape in shapes:
        if shape.shape_type == 6:  # a group
            yield from _shapes(shape.shapes)
        elif shape.has_text_frame:
            yield shape.text_frame.text
        elif getattr(shape, "has_table", False):
            rows = ([cell.text for cell in row.cells] for row in shape.table.rows)
            yield "\n".join(lines_of(rows))


def xlsx(path: Path) -> Iterator[Block]:
    """A sheet is a section; formulas are their last values."""
    from openpyxl import load_workbook

    check_archive(path)
    # An open file: of a path openpyxl would look at the name.
    book = load_workbook(path.open("rb"), read_only=True, data_only=True)
    for sheet in book.worksheets:
        rows = sheet.iter_rows(values_only=True, max_col=MOST_COLUMNS)
        for count, line in enumerate(lines_of(iter(rows))):
            if count == MOST_ROWS:
                raise Corrupt(f"The sheet {sheet.title!r} has over {MOST_ROWS} rows: split it.")
            yield Block(text=line + "\n", section=(sheet.title,))
