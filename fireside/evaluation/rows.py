"""A task's file to rows: JSONL, JSON, CSV, TSV, Parquet, or plain text as one row.

The records are read by the data room; here each knows its file and line, a broken one is refused
with both, and templates (`{column}`) are filled.  Refuses other formats by name, and to know what a
row is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fireside.data import records
from fireside.data.snapshot import opened
from fireside.errors import BadRequest, NotFound

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
    rows = [Row(record, path.name, line) for line, record in _records(path, tuple(columns))]
    if not rows:
        raise BadRequest(f"{path} is empty: there is nothing to ask.")
    return rows


def _records(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, records.Record]]:
    def broken(line: int, what: str) -> None:
        raise BadRequest(f"{path.name}:{line}: {what}.")

    kind = path.suffix.lower()
    with opened(path) as (snapshot, file):
        if kind == ".jsonl":
            yield from records.json_lines(snapshot, file, broken)
        elif kind == ".json":
            yield from records.whole_json(snapshot, file, path.name, broken)
        elif kind in (".csv", ".tsv"):
            tabs = kind == ".tsv"
            yield from records.separated(
                snapshot, file, broken, tabs=tabs, columns=columns, numbered=False
            )
        elif kind == ".parquet":
            yield from records.parquet(path)
        elif kind in (".txt", ".md", ".text"):
            yield from _text(file.read(), path)
        else:
            raise BadRequest(
                f"{path.name}: a task reads .jsonl, .json, .csv, .tsv, .parquet and .txt, not "
                f"{kind or 'a file without an ending'}."
            )


def _text(raw: bytes, path: Path) -> Iterator[tuple[int, records.Record]]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{path} is not UTF-8 (byte {error.start}): convert it first.") from None
    if text.strip():
        yield 1, {"text": text}
