"""The rows of one sheet, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fireside.knowledge.cell_values import Formats, RichText, number, unescaped
from fireside.knowledge.documents import LeftOut
from fireside.knowledge.package import Attributes
from fireside.knowledge.tables import Rows

LAST_COLUMN, LAST_ROW = 16_384, 1_048_576
MOST_MERGES = 10_000
WIDEST = 100  # columns of a merged name; wider ones are a page's title


@dataclass(slots=True)
class _Merge:
    left: int
    top: int
    right: int
    bottom: int
    text: str = ""


class Merges:
    """A `Target`: the merged cells of a sheet, by the row in which they begin."""

    def __init__(self) -> None:
        self.by_top: dict[int, list[_Merge]] = {}
        self._count = 0

    def start(self, name: str, attributes: Attributes) -> None:
        if name != "s:mergeCell" or self._count == MOST_MERGES:
            return
        first, _, last = attributes.get("ref", "").partition(":")
        (left, top), (right, bottom) = place_of(first), place_of(last)
        if 0 < left <= right and 0 < top <= bottom:
            self._count += 1
            self.by_top.setdefault(top, []).append(_Merge(left, top, right, bottom))

    def end(self, name: str) -> None: ...

    def data(self, text: str) -> None: ...


class SheetRows:
    """A `Target` for a sheet; `take` gives the lines that are ready.

    A value of merged cells stands in each row that they reach over, and, in the row that names the
    columns, in each column.
    """

    def __init__(
        self, formats: Formats, strings: Sequence[str], left_out: LeftOut, *, since_1904: bool
    ) -> None:
        self.merges = Merges()
        self._formats = formats
        self._strings = strings
        self._left_out = left_out
        self._since_1904 = since_1904
        self._rows = Rows()
        self._ready: list[str] = []
        self._open: list[str] = []
        self._active: list[_Merge] = []
        self._row_number = self._column = 0
        self._row: dict[int, str] = {}
        self._type = self._style = ""
        self._is_cell = False
        self._value: list[str] | None = None
        self._text = RichText()
        self._formula: list[str] | None = None

    def take(self) -> list[str]:
        ready, self._ready = self._ready, []
        return ready

    def rest(self) -> list[str]:
        return [*self.take(), *self._rows.end()]

    def start(self, name: str, attributes: Attributes) -> None:
        self._open.append(name)
        self._text.start(name, attributes)
        match name:
            case "s:row":
                self._end_row()  # of a row that a fault in the file left open
                place = attributes.get("r", "")
                self._row_number = int(place) if place.isdigit() else self._row_number + 1
                self._column = 0
            case "s:c":
                self._end_cell()
                column, _ = place_of(attributes.get("r", ""))
                self._column = column or self._column + 1
                self._is_cell = True
                self._type = attributes.get("t", "n")
                self._style = attributes.get("s", "0")
                self._value, self._formula = None, None
            case "s:f":
                self._formula = []
            case "s:v":
                self._value = []

    def end(self, name: str) -> None:
        self._open.pop()
        self._text.end(name)
        match name:
            case "s:c":
                self._end_cell()
            case "s:row":
                self._end_row()

    def data(self, text: str) -> None:
        self._text.data(text)
        match self._open[-1]:
            case "s:v" if self._value is not None:
                self._value.append(text)
            case "s:f" if self._formula is not None:
                self._formula.append(text)

    def _end_cell(self) -> None:
        text = self._text.take()
        if self._is_cell and (text := self._cell(text)):
            is_struck = self._formats.is_struck(self._style)
            self._row[self._column] = f"~~{text}~~" if is_struck else text
        self._is_cell = False

    def _cell(self, text: str) -> str:
        """text: what stands in the cell itself."""
        value = "".join(self._value or ())
        match self._type:
            case "s":
                place = int(value) if value.strip().isdigit() else -1
                if not 0 <= place < len(self._strings):
                    self._left_out.add("cell whose text is not in the file", bool(value))
                    return ""
                return self._strings[place]
            case "inlineStr":
                return text
            case "b":
                return {"1": "TRUE", "0": "FALSE"}.get(value.strip(), value)
        if not value and text:
            return text
        if self._formula is not None and not value and (self._value is None or self._type == "n"):
            self._left_out.add("formula without a stored value")
            formula = "".join(self._formula)
            return "=" + formula if formula else ""
        if self._type == "n":
            code = self._formats.code(self._style)
            return number(value.strip(), code, since_1904=self._since_1904)
        if self._type == "d":
            return value.replace("T", " ").removesuffix(" 00:00:00")
        return unescaped(value)

    def _end_row(self) -> None:
        self._end_cell()
        row, self._row = self._row, {}
        if not row:
            return
        is_wide = len(row) > 1  # else it is a caption over the whole table
        for merge in self.merges.by_top.get(self._row_number, ()):
            merge.text = row.get(merge.left, "")
            if merge.text and merge.bottom > merge.top:
                self._active.append(merge)
            if merge.right - merge.left > WIDEST:
                continue
            if merge.text and is_wide and not self._rows.has_names:
                for column in range(merge.left + 1, merge.right + 1):
                    row.setdefault(column, merge.text)
        if self._active:
            self._active = [each for each in self._active if each.bottom >= self._row_number]
            for merge in self._active:
                row.setdefault(merge.left, merge.text)
        self._ready.extend(self._rows.lines(dict(sorted(row.items()))))


def place_of(reference: str) -> tuple[int, int]:
    """Column and row of `XFD1048576`, from 1; 0 for what is not there or out of bounds."""
    letters = reference.rstrip("0123456789")
    digits = reference[len(letters) :]
    column = 0
    for letter in letters.replace("$", "").upper()[:4]:
        if not "A" <= letter <= "Z":
            return 0, 0
        column = column * 26 + ord(letter) - 64
    row = int(digits[:8]) if digits else 0
    return (column if column <= LAST_COLUMN else 0), (row if row <= LAST_ROW else 0)
