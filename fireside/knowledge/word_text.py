"""The text of one part of a Word document: its body, a header, its footnotes.

What changes of its text were tracked is taken as accepted: insertions are read, deletions are not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fireside.knowledge.documents import Block, LeftOut
from fireside.knowledge.formulas import Formula
from fireside.knowledge.package import Attributes
from fireside.knowledge.symbols import symbol
from fireside.knowledge.word_state import Container, Paragraph, Table
from fireside.knowledge.word_styles import Styles, is_on, level_of

SKIPPED = frozenset({"w:del", "w:moveFrom", "w:instrText", "w:delText", "w:sdtPr", "w:tblGrid"})
OF_RUNS = {"w:tab": "\t", "w:ptab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-"}
"""Only within a run: `w:tab` is also a place on a paragraph's ruler."""
WRITTEN = {"w:rt": "("}
LEFT_OUT = {
    "pic:pic": "picture", "v:imagedata": "picture", "c:chart": "chart", "cx:chart": "chart",
    "w:object": "embedded object", "w:altChunk": "embedded file", "w:subDoc": "linked document",
}  # fmt: skip
MOST_COLUMNS = 1_000

Notes = dict[tuple[str, str], str]


class Story:
    """A `Target`; `take` gives what is ready."""

    def __init__(
        self, styles: Styles, left_out: LeftOut, notes: Mapping[tuple[str, str], str], *,
        is_paged: bool = False,
    ) -> None:  # fmt: skip
        self.finished_notes: Notes = {}
        self.diagrams: list[str] = []
        self._styles = styles
        self._left_out = left_out
        self._notes = notes
        self._is_paged = is_paged
        self._page = 1
        self._headings: list[tuple[int, str]] = []
        self._ready: list[Block] = []
        self._open: list[str] = []
        self._skipping = 0
        self._containers = [Container()]
        self._tables: list[Table] = []
        self._runs: list[bool] = []  # whether each open run is hidden
        self._fields: list[str] = []
        self._choices: list[int] = []  # characters written before each open choice
        self._written = 0
        self._note = ("", "")
        self._form: list[str] = []
        self._raised = ""  # the mark before the next text, if it joins a figure
        self._is_struck = False  # whether the open run is
        self._formula = Formula(self._write, lambda: self._paragraph().parts)

    def take(self) -> list[Block]:
        ready, self._ready = self._ready, []
        return ready

    # Events

    def start(self, name: str, attributes: Attributes) -> None:
        if self._skipping or self._is_skipped(name):
            self._skipping += 1
            return
        self._open.append(name)
        if name in OF_RUNS:
            if self._open[-2:-1] == ["w:r"]:
                self._write(OF_RUNS[name])
        elif name in WRITTEN:
            self._write(WRITTEN[name])
        elif name.startswith("m:"):
            self._formula.start(name, attributes)
        elif name in LEFT_OUT:
            if not (name == "v:imagedata" and "w:object" in self._open[-6:]):
                self._left_out.add(LEFT_OUT[name])
        elif not self._start_block(name, attributes):
            self._start_inline(name, attributes)

    def _is_skipped(self, name: str) -> bool:
        above = self._open[-1] if self._open else ""
        if name == "w:del" and self._open[-2:] == ["w:pPr", "w:rPr"]:
            self._paragraph().is_joined = True
        elif name == "w:del" and above == "w:trPr" and self._tables:
            self._tables[-1].is_deleted = True
        if name in ("mc:Choice", "mc:Fallback") and self._choices:
            return self._written > self._choices[-1]  # one of them was read
        return name in SKIPPED or name.endswith("Change")

    def _start_block(self, name: str, attributes: Attributes) -> bool:
        value = attributes.get("val", "")
        table = self._tables[-1] if self._tables else None
        match name:
            case "w:p":
                container = self._containers[-1]
                container.paragraphs.append(Paragraph(self._page, parts=container.carried))
                container.carried = []
            case "w:pStyle":
                self._paragraph().level = self._styles.level(value)
                self._paragraph().is_hidden = self._styles.is_hidden(value)
            case "w:outlineLvl":
                self._paragraph().level = level_of(value) or None
            case "w:tbl":
                self._tables.append(Table())
            case "w:tr" if table:
                table.row, table.column, table.is_deleted = {}, 0, False
            case "w:gridBefore" if table:
                table.column += _number(value)
            case "w:tc" if table:
                table.span, table.merge = 1, ""
                self._containers.append(Container())
            case "w:gridSpan" if table:
                table.span = max(1, _number(value))
            case "w:vMerge" if table:
                table.merge = value or "continue"
            case "w:txbxContent":
                self._containers.append(Container())
            case "w:footnote" | "w:endnote":
                self._note = (name, attributes.get("id", ""))
                self._containers.append(Container())
            case _:
                return False
        return True

    def _start_inline(self, name: str, attributes: Attributes) -> None:
        value = attributes.get("val", "")
        match name:
            case "w:strike" | "w:dstrike" if self._in_run():
                self._is_struck = is_on(attributes)
            case "w:r":
                self._raised, self._is_struck = "", False
                self._runs.append(self._paragraph().is_hidden)
            case "w:rStyle" if self._in_run():
                self._runs[-1] = self._runs[-1] or self._styles.is_hidden(value)
            case "w:vertAlign" if self._in_run():
                self._raised = {"superscript": "^", "subscript": "_"}.get(value, "")
            case "w:vanish" if self._in_run():
                self._runs[-1] = is_on(attributes)
            case "w:sym":
                self._write(symbol(attributes.get("font", ""), attributes.get("char", "")))
            case "w:fldChar":
                self._field(attributes.get("fldCharType", ""))
            case "w:checkBox" | "w:ddList":
                self._form = []
            case "w:checked" | "w:default" | "w:result" | "w:listEntry":
                self._form.append(f"{name[2:]}={attributes.get('val', '1')}")
            case "mc:AlternateContent":
                self._choices.append(self._written)
            case "w:footnoteReference" | "w:endnoteReference":
                key = (name.removesuffix("Reference"), attributes.get("id", ""))
                if note := self._notes.get(key):
                    self._paragraph().after.append(f"{key[0][2:].capitalize()}: {note}")
            case "v:textpath":
                self._paragraph().after.append(attributes.get("string", ""))
            case "dgm:relIds":
                self.diagrams.append(attributes.get("r:dm", ""))
            case "w:lastRenderedPageBreak":
                self._page += 1
                if not any(part.strip() for part in self._paragraph().parts):
                    self._paragraph().page = self._page

    def end(self, name: str) -> None:
        if self._skipping:
            self._skipping -= 1
            return
        self._open.pop()
        if name.startswith("m:"):
            self._formula.end(name)
            return
        table = self._tables[-1] if self._tables else None
        match name:
            case "w:r":
                self._runs.pop()
                self._is_struck = False
            case "w:rt":
                self._write(")")
            case "w:p":
                self._end_paragraph()
            case "w:tc" if table:
                self._end_cell(table)
            case "w:tr" if table:
                if not table.is_deleted:
                    table.lines.extend(table.rows.lines(table.row))
            case "w:tbl" if table:
                self._tables.pop()
                self._put("\n".join([*table.lines, *table.rows.end()]), self._page)
            case "w:txbxContent":
                text = self._end_container()
                if text:
                    self._paragraph().after.append(text)
            case "w:footnote" | "w:endnote":
                self.finished_notes[self._note] = self._end_container()
            case "w:checkBox" | "w:ddList":
                self._end_form(name)
            case "mc:AlternateContent":
                self._choices.pop()

    def data(self, text: str) -> None:
        if not self._skipping and self._open and self._open[-1] in ("w:t", "m:t"):
            mark, self._raised = self._raised, ""
            self._write(text, mark)

    # What they do

    def _paragraph(self) -> Paragraph:
        """The innermost that is open; a stray one for text that stands in none."""
        container = self._containers[-1]
        if container.paragraphs:
            return container.paragraphs[-1]
        return Paragraph(self._page, parts=container.carried)

    def _in_run(self) -> bool:
        return self._open[-3:-1] == ["w:r", "w:rPr"]

    def _write(self, text: str, mark: str = "") -> None:
        if self._runs and self._runs[-1]:
            if text.strip():
                self._left_out.add("run of hidden text")
        elif text and "code" not in self._fields:
            self._paragraph().add(text, is_struck=self._is_struck, mark=mark)
            self._written += len(text)

    def _field(self, kind: str) -> None:
        if kind == "begin":
            self._fields.append("code")
        elif self._fields and kind == "separate":
            self._fields[-1] = "result"
        elif self._fields and kind == "end":
            self._fields.pop()

    def _end_form(self, name: str) -> None:
        values = dict(each.split("=", 1) for each in self._form)
        if name == "w:checkBox":
            is_checked = values.get("checked", values.get("default", "0")) in ("1", "true", "on")
            self._paragraph().parts.append("☒" if is_checked else "☐")
        else:
            entries = [each[10:] for each in self._form if each.startswith("listEntry=")]
            chosen = _number(values.get("result", values.get("default", "0")))
            self._paragraph().parts.append(entries[chosen] if chosen < len(entries) else "")

    def _end_paragraph(self) -> None:
        container = self._containers[-1]
        paragraph = container.paragraphs.pop()
        paragraph.add("")
        # A field whose result never came would swallow the rest of the document.
        self._fields = [each for each in self._fields if each != "code"]
        if paragraph.is_joined:
            container.carried = paragraph.parts
        else:
            self._put("".join(paragraph.parts), paragraph.page, paragraph.level)
        for text in paragraph.after:
            self._put(text, paragraph.page)

    def _end_cell(self, table: Table) -> None:
        text = self._end_container()
        if table.merge == "continue" and not text.strip():
            text = table.above.get(table.column, "")
        if table.merge:
            table.above[table.column] = text
        table.row[table.column] = text
        table.column += min(table.span, MOST_COLUMNS)

    def _end_container(self) -> str:
        container = self._containers.pop()
        rest = "".join(container.carried)
        return "\n".join([*container.lines, *([rest] if rest.strip() else [])])

    def _put(self, text: str, page: int, level: int | None = None) -> None:
        if not text.strip():
            return
        if len(self._containers) > 1:
            self._containers[-1].lines.append(text)
            return
        if level is not None:
            while self._headings and self._headings[-1][0] >= level:
                self._headings.pop()
            self._headings.append((level, " ".join(text.split())))
        section = tuple(title for _, title in self._headings)
        block = Block(text=text + "\n\n", page=page if self._is_paged else None, section=section)
        self._ready.append(block)

    def flush(self) -> Iterator[Block]:
        """What is ready, and text that stands in no paragraph."""
        self._put("".join(self._containers[0].carried), self._page)
        yield from self.take()


def _number(value: str) -> int:
    return min(int(value), MOST_COLUMNS) if value.isascii() and value.isdigit() else 0
