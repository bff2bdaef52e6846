"""Excel workbooks (ECMA-376 part 1, SpreadsheetML) to blocks: a sheet is a section, formulas are
their last values.

A row costs what its filled cells cost: a sheet may say that it reaches to XFD1048576, or to A1.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fireside.errors import Corrupt
from fireside.knowledge.cell_values import Formats, Strings
from fireside.knowledge.diagrams import Words
from fireside.knowledge.documents import Block, LeftOut, Unread
from fireside.knowledge.package import Attributes, Broken, Count, Package, Relation, Target, of_kind
from fireside.knowledge.sheet_rows import Merges, SheetRows
from fireside.knowledge.tables import blocks_of

OTHER_SHEETS = {
    "chartsheet": "a chart", "dialogsheet": "a dialog", "xlMacrosheet": "a sheet of macros",
}  # fmt: skip
MERGED = b"mergeCell"


def xlsx(path: Path) -> Iterator[Block | Unread]:
    with Package(path) as package:
        main = package.main_part("xl/workbook.xml")
        relations = package.relations(main)
        book, formats, strings, left_out = _Book(), Formats(), Strings(), LeftOut()
        yield from _aside(package, main, book, "the list of sheets", must=True)
        for kind, target in (("styles", formats), ("sharedStrings", strings)):
            for each in of_kind(relations, kind):
                yield from _aside(package, each.target, target, kind)
        for name, relation_id, state in book.sheets:
            relation = relations.get(relation_id)
            if relation is None or relation.target not in package:
                yield Unread(f"sheet {name!r}: it is not in the file")
            elif relation.kind in OTHER_SHEETS:
                yield Unread(f"sheet {name!r}: it is {OTHER_SHEETS[relation.kind]}")
            elif state == "veryHidden":
                yield Unread(f"sheet {name!r}: it is hidden so that only a macro can show it")
            else:
                rows = SheetRows(formats, strings.strings, left_out, since_1904=book.since_1904)
                yield from _sheet(package, relation, name, rows, left_out)
        yield from left_out.unread()


def _sheet(
    package: Package, relation: Relation, name: str, rows: SheetRows, left_out: LeftOut
) -> Iterator[Block | Unread]:
    part = relation.target
    section = (name,) if name else ()
    try:
        if _holds(package, part, MERGED):
            package.follow(part, rows.merges)
    except Corrupt:
        rows.merges = Merges()  # what is wrong is named below
    try:
        for _ in package.feed(part, rows):
            yield from blocks_of(rows.take(), section)
    except Corrupt as error:
        yield from blocks_of(rows.take(), section)
        yield Unread(f"sheet {name!r}: {error.message}")
    yield from blocks_of(rows.rest(), section)
    relations = package.relations(part)
    for drawing in of_kind(relations, "drawing"):
        words = Words()
        yield from _aside(package, drawing.target, words, f"the drawing of sheet {name!r}")
        yield from blocks_of(words.lines, section)
        inside = package.relations(drawing.target)
        left_out.add("chart", len(of_kind(inside, "chart")) + len(of_kind(inside, "chartEx")))
        left_out.add("picture", len(of_kind(inside, "image")))
    for kind, element in (("comments", "s:comment"), ("threadedComment", "?:threadedComment")):
        comments = Count(element)
        for relation in of_kind(relations, kind):
            yield from _aside(package, relation.target, comments, f"comments of sheet {name!r}")
        left_out.add("comment", comments.number)


def _aside(
    package: Package, part: str, target: Target, called: str, *, must: bool = False
) -> Iterator[Unread]:
    """A part whose faults cost nothing else, unless it `must` be there."""
    try:
        package.follow(part, target)
    except Corrupt as error:
        if must and not isinstance(error, Broken):
            raise
        yield Unread(f"{called}: {error.message}")


def _holds(package: Package, part: str, word: bytes) -> bool:
    before = b""
    for piece in package.pieces(part):
        if word in before + piece:
            return True
        before = piece[-len(word) :]
    return False


class _Book:
    """sheets: name, id of the relation, state."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str, str]] = []
        self.since_1904 = False

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "s:sheet":
            sheet = (attributes.get("name", ""), attributes.get("r:id", ""))
            self.sheets.append((*sheet, attributes.get("state", "visible")))
        elif name == "s:workbookPr":
            self.since_1904 = attributes.get("date1904") in ("1", "true")

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...
