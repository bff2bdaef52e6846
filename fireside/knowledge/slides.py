"""PowerPoint files (ECMA-376 part 1, PresentationML) to blocks: a slide is a page, its title a
section; the speaker's notes follow it.  Whatever kind a shape is, its text is read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from fireside.errors import Corrupt
from fireside.knowledge.diagrams import Run, Words
from fireside.knowledge.documents import Block, LeftOut, Unread
from fireside.knowledge.formulas import Formula
from fireside.knowledge.marked_text import MarkedText
from fireside.knowledge.package import Attributes, Broken, Count, Package, of_kind
from fireside.knowledge.tables import Rows

TITLES = frozenset({"title", "ctrTitle"})
LEFT_OUT = {
    "c:chart": "chart", "cx:chart": "chart", "p:oleObj": "embedded object", "p:pic": "picture"
}  # fmt: skip
MOST_SLIDES = 10_000


def pptx(path: Path) -> Iterator[Block | Unread]:
    with Package(path) as package:
        main = package.main_part("ppt/presentation.xml")
        relations = package.relations(main)
        order = _Order()
        try:
            package.follow(main, order)
        except Broken as error:
            yield Unread(error.message)
        if len(order.slides) > MOST_SLIDES:
            raise Corrupt(
                f"The file has {len(order.slides)} slides; {MOST_SLIDES} are read: split it."
            )
        left_out = LeftOut()
        for number, relation_id in enumerate(order.slides, 1):
            if relation_id not in relations:
                yield Unread(f"slide {number}: it is not in the file")
                continue
            yield from _slide(package, relations[relation_id].target, number, left_out)
        yield from left_out.unread()


def _slide(package: Package, part: str, number: int, left_out: LeftOut) -> Iterator[Block | Unread]:
    slide = _Shapes(left_out)
    yield from _followed(package, part, slide, number)
    lines = slide.lines
    relations = package.relations(part)
    for relation_id in slide.diagrams:
        words = Words()
        if relation_id in relations:
            yield from _followed(package, relations[relation_id].target, words, number)
        lines += words.lines
    for relation in of_kind(relations, "notesSlide"):
        notes = _Shapes(LeftOut(), only="body")
        yield from _followed(package, relation.target, notes, number)
        lines += notes.lines
    for relation in of_kind(relations, "comments"):
        comments = Count("p:cm", "?:cm")
        yield from _followed(package, relation.target, comments, number)
        left_out.add("comment", comments.number)
    title = " ".join(" ".join(slide.title).split())
    text = "\n".join(line for line in lines if line.strip())
    if text:
        yield Block(text=text + "\n\n", page=number, section=(title,) if title else ())


def _followed(
    package: Package, part: str, target: _Shapes | Words | Count, number: int
) -> Iterator[Unread]:
    try:
        package.follow(part, target)
    except Corrupt as error:
        yield Unread(f"slide {number}: {error.message}")


class _Order:
    """The slides, by the ids of their relations."""

    def __init__(self) -> None:
        self.slides: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if name == "p:sldId":
            self.slides.append(attributes.get("r:id", ""))

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...


@dataclass(slots=True)
class _Shape:
    kind: str = ""  # of its placeholder
    is_hidden: bool = False


@dataclass(slots=True)
class _Table:
    rows: Rows = field(default_factory=Rows)
    lines: list[str] = field(default_factory=list)
    row: dict[int, str] = field(default_factory=dict)
    above: dict[int, str] = field(default_factory=dict)
    column: int = 0
    merge: str = ""


class _Shapes:
    """A `Target` for a slide.  only: the kind of placeholder that is read; None reads all but the
    slide's number."""

    def __init__(self, left_out: LeftOut, only: str | None = None) -> None:
        self.lines: list[str] = []
        self.title: list[str] = []
        self.diagrams: list[str] = []
        self._left_out = left_out
        self._only = only
        self._shapes: list[_Shape] = []
        self._tables: list[_Table] = []
        self._paragraph = MarkedText()
        self._run = Run()
        self._formula = Formula(self._paragraph.add, lambda: self._paragraph.parts)
        self._cell: list[str] | None = None
        self._choices: list[int] = []
        self._written = 0
        self._skipping = 0
        self._open: list[str] = []

    def start(self, name: str, attributes: Attributes) -> None:
        if self._skipping or (
            name in ("mc:Choice", "mc:Fallback")
            and self._choices
            and self._written > self._choices[-1]
        ):
            self._skipping += 1
            return
        self._open.append(name)
        self._run.start(name, attributes)
        if name.startswith("m:"):
            self._formula.start(name, attributes)
        table = self._tables[-1] if self._tables else None
        if name in LEFT_OUT and self._only is None:
            self._left_out.add(LEFT_OUT[name])
        match name:
            case "p:sp" | "p:cxnSp" | "p:grpSp" | "p:graphicFrame":
                self._shapes.append(_Shape(is_hidden=self._shape().is_hidden))
            case "p:cNvPr" if self._shapes and attributes.get("hidden") in ("1", "true"):
                self._shapes[-1].is_hidden = True
            case "p:ph" if self._shapes:
                self._shapes[-1].kind = attributes.get("type", "obj")
            case "mc:AlternateContent":
                self._choices.append(self._written)
            case "dgm:relIds" if not self._shape().is_hidden:
                self.diagrams.append(attributes.get("r:dm", ""))
            case "a:br":
                self._paragraph.add("\n")
            case "a:tab" if self._open[-2:-1] == ["a:r"]:
                self._paragraph.add("\t")
            case "a:tbl":
                self._tables.append(_Table())
            case "a:tr" if table:
                table.row, table.column = {}, 0
            case "a:tc" if table:
                self._cell = []
                is_below = attributes.get("vMerge") in ("1", "true")
                table.merge = "continue" if is_below else attributes.get("rowSpan", "")

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        self._open.pop()
        if name.startswith("m:"):
            self._formula.end(name)
        table = self._tables[-1] if self._tables else None
        match name:
            case "p:sp" | "p:cxnSp" | "p:grpSp" | "p:graphicFrame":
                self._shapes.pop()
            case "a:p":
                self._end_paragraph()
            case "a:tc" if table:
                self._end_cell(table)
            case "a:tr" if table:
                table.lines.extend(table.rows.lines(table.row))
            case "a:tbl" if table:
                self._tables.pop()
                self.lines += [*table.lines, *table.rows.end()]
            case "mc:AlternateContent":
                self._choices.pop()

    def data(self, text: str) -> None:
        if not self._skipping and self._open and self._open[-1] in ("a:t", "m:t"):
            self._run.write(text, self._paragraph)
            self._written += len(text)

    def _shape(self) -> _Shape:
        return self._shapes[-1] if self._shapes else _Shape()

    def _end_paragraph(self) -> None:
        text = self._paragraph.take().replace("\v", "\n").strip("\n")
        shape = self._shape()
        if not text.strip() or not self._is_read(shape, text):
            return
        if self._cell is not None:
            self._cell.append(text)
            return
        if shape.kind in TITLES:
            self.title.append(text)
        self.lines.append(text)

    def _is_read(self, shape: _Shape, text: str) -> bool:
        if shape.is_hidden:
            self._left_out.add("paragraph of a hidden shape")
            return False
        return shape.kind != "sldNum" if self._only is None else shape.kind == self._only

    def _end_cell(self, table: _Table) -> None:
        text = "\n".join(self._cell or [])
        self._cell = None
        if table.merge == "continue" and not text:
            text = table.above.get(table.column, "")
        if table.merge:
            table.above[table.column] = text
        table.row[table.column] = text
        table.column += 1
