"""Rows of a table to lines: `name: Ann; age: 5`, so that a row found by itself still says what its
values are.  And CSV to rows (RFC 4180, and what programs write in its place).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from fireside.errors import Corrupt
from fireside.knowledge.documents import Block, Unread

DELIMITERS = ",;\t|"
SAMPLE_ROWS = 100
SAMPLE = 2**16
MOST_LINES = 500
"""Of one quoted value.  One that goes on longer is a quote that somebody forgot to close."""
LONGEST_VALUE = 10_000_000
BLOCK = 2**14  # characters of one block: a million rows are not a million blocks


class Rows:
    """Lines of one table, row by row; the first that is not empty has the names.

    A row of one value above a wider table is its caption, and no row of names.
    """

    def __init__(self) -> None:
        self._names: Mapping[int, str] | None = None
        self._captions: list[Mapping[int, str]] = []

    @property
    def has_names(self) -> bool:
        return self._names is not None

    def lines(self, row: Mapping[int, str]) -> Iterator[str]:
        """row: the values by their columns; those that are empty may be left out."""
        cells = {column: text.strip() for column, text in row.items() if text.strip()}
        if not cells:
            return
        if self._names is not None:
            yield self._line(cells)
        elif len(cells) == 1 and len(self._captions) < 5:
            self._captions.append(cells)
        elif len(cells) == 1:  # one column after all
            yield from self.end()
            yield self._line(cells)
        else:
            yield from (text for caption in self._captions for text in caption.values())
            self._captions = []
            self._names = cells
            yield " | ".join(cells.values())

    def end(self) -> Iterator[str]:
        """What was held back."""
        if self._names is None and self._captions:
            self._names, *rest = self._captions
            yield " | ".join(self._names.values())
            yield from map(self._line, rest)
        self._captions = []

    def _line(self, cells: Mapping[int, str]) -> str:
        names = self._names or {}
        parts = (
            f"{names[column]}: {text}" if column in names else text
            for column, text in cells.items()
        )
        return "; ".join(parts)


def lines_of(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    made = Rows()
    for row in rows:
        yield from made.lines({i: str(cell) for i, cell in enumerate(row) if cell is not None})
    yield from made.end()


def blocks_of(lines: Iterable[str], section: tuple[str, ...] = ()) -> Iterator[Block]:
    """The lines, many to a block."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line + "\n")
        size += len(line) + 1
        if size > BLOCK:
            yield Block(text="".join(held), section=section)
            held, size = [], 0
    if held:
        yield Block(text="".join(held), section=section)


def table(text: str, delimiter: str | None = None) -> Iterator[Block | Unread]:
    """CSV.  delimiter: None for the one under which the first rows are most alike."""
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if text[:4].lower() == "sep=" and text[5:6] in ("\n", ""):  # Excel's own way to say it
        delimiter, text = text[4], text[6:]
    escape = False
    if delimiter is None:
        delimiter, escape = _dialect(text)
    reader = CsvReader(text, delimiter, escape)
    yield from blocks_of(lines_of(reader))
    for line in reader.unclosed:
        yield Unread(f"a quote in line {line} that is not closed: the line was read as it stands")


def _dialect(text: str) -> tuple[str, bool]:
    """The delimiter, and whether `\\"` is a quote within a value."""
    sample = text[:SAMPLE]
    best = (0.0, 0.0)
    found = (",", False)
    for escape in (False, True) if '\\"' in sample else (False,):
        for delimiter in DELIMITERS:
            rows = []
            reader = CsvReader(sample, delimiter, escape)
            for row in reader:
                if any(row):
                    rows.append(len(row))
                if len(rows) == SAMPLE_ROWS:
                    break
            if len(text) > SAMPLE and len(rows) > 1:
                rows.pop()  # the sample cut it
            width, times = Counter(rows).most_common(1)[0] if rows else (1, 1)
            score = (times / len(rows) if width > 1 else 0.0, -reader.oddities / max(1, len(rows)))
            if score > best:
                best, found = score, (delimiter, escape)
    return found


class CsvReader:
    """The rows of a CSV text.  unclosed: numbers of lines with a quote that nothing closes.
    oddities: how often text follows a closing quote."""

    def __init__(self, text: str, delimiter: str, escape: bool = False) -> None:
        self._text = text
        self._delimiter = delimiter
        self._escape = escape
        self.unclosed: list[int] = []
        self.oddities = 0

    def __iter__(self) -> Iterator[list[str]]:
        at, number, end = 0, 1, len(self._text)
        while at < end:
            begin = at
            row, at = self._row(at, quotes=True)
            if at < 0:
                self.unclosed.append(number)
                row, at = self._row(begin, quotes=False)
            number += self._text.count("\n", begin, at)
            yield row

    def _row(self, at: int, *, quotes: bool) -> tuple[list[str], int]:
        """A row, and where the next begins; -1 if a quote is not closed."""
        text, cells = self._text, []
        line_end = text.find("\n", at)
        line_end = len(text) if line_end < 0 else line_end
        while True:
            first = at
            while text[first : first + 1] == " ":
                first += 1
            if quotes and text[first : first + 1] == '"':
                value, at = self._quoted(first + 1)
                if at < 0:
                    return [], -1
                if at > line_end:
                    line_end = text.find("\n", at)
                    line_end = len(text) if line_end < 0 else line_end
            else:
                value = ""
            stop = text.find(self._delimiter, at, line_end)
            is_last = stop < 0
            self.oddities += bool(value and text[at : line_end if is_last else stop].strip())
            stop = line_end if is_last else stop
            if stop - at + len(value) > LONGEST_VALUE:
                raise Corrupt(
                    f"The CSV has a value of more than {LONGEST_VALUE:,} characters: mend it, or "
                    "name it .txt."
                )
            cells.append(value + text[at:stop])
            at = stop + 1
            if is_last:
                return cells, at

    def _quoted(self, at: int) -> tuple[str, int]:
        """The value up to its closing quote, and where the text goes on; -1 without one."""
        text, parts, lines = self._text, [], 0
        while True:
            close = text.find('"', at)
            lines += text.count("\n", at, close)
            if close < 0 or lines > MOST_LINES:
                return "", -1
            if self._escape and close > at and text[close - 1] == "\\":
                parts.append(text[at : close - 1] + '"')
                at = close + 1
            elif text[close + 1 : close + 2] == '"':
                parts.append(text[at : close + 1])
                at = close + 2
            else:
                return "".join(parts) + text[at:close], close + 1
