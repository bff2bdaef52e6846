"""How the rows of a table are written, and read again from a part: JSONL and CSV.

It refuses to guess: what a part holds behind its last whole row is no row.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

Row = dict[str, Any]
ADDED: Final = ("answer", "label", "probability", "error")
LONGEST_CELL: Final = 1 << 30
"""Letters.  Python's own limit is 131,072."""


class Jsonl:
    def head(self) -> str:
        return ""

    def line(self, row: Row) -> str:
        return json.dumps(row, ensure_ascii=False) + "\n"

    def is_of(self, made: Row, asked: Row) -> bool:
        """Whether a row of a part was made of one that is asked."""
        return self.line({name: made.get(name) for name in asked}) == self.line(asked)

    def whole(self, text: str) -> tuple[list[Row], int]:
        """The rows up to the first that is none, and the letters that they take."""
        rows, size = [], 0
        for line in text.split("\n")[:-1]:
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not isinstance(row, dict):
                break
            rows.append(row)
            size += len(line) + 1
        return rows, size


class Csv:
    """Every row has all of `ADDED`: which of them are used is not known before the last."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._names = [*dict.fromkeys(name for row in rows for name in row), *ADDED]

    def head(self) -> str:
        return self.line(dict(zip(self._names, self._names, strict=True)))

    def line(self, row: Mapping[str, Any]) -> str:
        file = io.StringIO(newline="")
        # The writer puts quotes around the letters that end a line, and both of them do.
        csv.DictWriter(file, self._names, restval="", lineterminator="\r\n").writerow(row)
        return file.getvalue()[:-2] + "\n"

    def is_of(self, made: Row, asked: Row) -> bool:
        """Whether a row of a part was made of one that is asked."""
        own = {name: "" if value is None else str(value) for name, value in asked.items()}
        return all(made.get(name) == own.get(name, "") for name in self._names[: -len(ADDED)])

    def whole(self, text: str) -> tuple[list[Row], int]:
        """A row is whole where what the file holds up to its end would be written again so."""
        head = self.head()
        if not text.startswith(head):
            return [], 0
        csv.field_size_limit(LONGEST_CELL)
        rows: list[Row] = []
        size = len(head)
        reader = csv.DictReader(io.StringIO(text, newline="\n"))
        try:
            for row in reader:
                line = "" if None in row or None in row.values() else self.line(row)
                if not line or text[size : size + len(line)] != line:
                    break
                rows.append(dict(row))
                size += len(line)
        except csv.Error:  # in the row that was broken off
            pass
        return rows, size
