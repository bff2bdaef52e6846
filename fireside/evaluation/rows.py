"""A task's file to rows: JSONL, CSV, TSV, or plain text as one row.

Every row knows its file and line; a broken one is refused with both.  Templates (`{column}`) are
filled here.  Refuses other formats by name, and to know what a row is asked for.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fireside.errors import BadRequest, NotFound

csv.field_size_limit(1 << 24)
_PLACE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a file: `values` by column."""

    values: Mapping[str, object]
    file: str
    line: int

    def __getitem__(self, column: str) -> object:
        """Errors: BadRequest that lists the columns there are."""
        if column not in self.values:
            there = ", ".join(map(str, self.values)) or "none"
            raise self.broken(f"there is no column {column!r}; there are: {there}")
        return self.values[column]

    def text(self, column: str) -> str:
        value = self[column]
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.broken(f"{column!r} is no text")
        return str(value)

    def texts(self, column: str) -> tuple[str, ...]:
        value = self[column]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.broken(f"{column!r} is no list of texts")
        return tuple(value)

    def fill(self, template: str) -> str:
        """The template with each `{column}` replaced; braces in a value stay as they are."""
        return _PLACE.sub(lambda found: self.text(found[1]), template)

    def broken(self, what: str) -> BadRequest:
        return BadRequest(f"{self.file}:{self.line}: {what}.")


def read_rows(path: Path, columns: Sequence[str] = ()) -> list[Row]:
    """All rows of a file.

    columns: the names of a CSV's or TSV's columns, where its first line is not them.
    Errors: NotFound; BadRequest with file and line.
    """
    if not path.is_file():
        raise NotFound(f"There is no file {path}: say with --data where the data is.")
    try:
        rows = list(_read(path, columns))
    except UnicodeDecodeError as error:
        raise BadRequest(f"{path} is not UTF-8 (byte {error.start}): convert it first.") from None
    if not rows:
        raise BadRequest(f"{path} is empty: there is nothing to ask.")
    return rows


def _read(path: Path, columns: Sequence[str]) -> Iterator[Row]:
    kind = path.suffix.lower()
    if kind == ".jsonl":
        yield from _jsonl(path)
    elif kind in (".csv", ".tsv"):
        yield from _table(path, columns, "," if kind == ".csv" else "\t")
    elif kind in (".txt", ".md", ".text"):
        text = path.read_text(encoding="utf-8-sig")
        if text.strip():
            yield Row({"text": text}, path.name, 1)
    else:
        raise BadRequest(f"{path.name}: a task reads .jsonl, .csv, .tsv and .txt, not {kind!r}.")


def _jsonl(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                values = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise BadRequest(f"{path.name}:{number}: no JSON: {error}.") from None
            if not isinstance(values, dict):
                raise BadRequest(f"{path.name}:{number}: a line is one JSON object.")
            yield Row(values, path.name, number)


def _table(path: Path, columns: Sequence[str], delimiter: str) -> Iterator[Row]:
    # Quotes are letters in a TSV, as in the data sets of this field.
    quoting: Literal[0, 3] = 0 if delimiter == "," else 3  # csv.QUOTE_MINIMAL, csv.QUOTE_NONE
    with path.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
        names = list(columns)
        try:
            for cells in reader:
                if not cells:
                    continue
                if not names:
                    names = cells
                    continue
                if len(cells) != len(names):
                    raise BadRequest(
                        f"{path.name}:{reader.line_num}: {len(cells)} cells, but there are "
                        f"{len(names)} columns ({', '.join(names)})."
                    )
                yield Row(dict(zip(names, cells, strict=True)), path.name, reader.line_num)
        except csv.Error as error:
            raise BadRequest(f"{path.name}:{reader.line_num}: {error}.") from None
