"""Rows of a CSV or JSONL file through a persona, in order, a few at a time, resumable.

Each finished row goes at once to `OUT.part`, which becomes `OUT` when the last is done; a run that
was broken off goes on after the last whole line of it.  A part that was made from other rows is
refused.  Nothing of a row is lost: its columns stay and the answer's come behind them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from fireside.assistant.once import Once
from fireside.errors import BadRequest, Conflict

AT_ONCE: Final = 4
ADDED: Final = ("answer", "label", "probability", "error")
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Table:
    """rows: as read.  column: the one that holds the text."""

    rows: Sequence[Row]
    column: str

    @classmethod
    def read(cls, path: Path, column: str | None) -> Table:
        """
        Raises:
            BadRequest: not UTF-8, not a table, no such column; the line names the row.
        """
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError:
            raise BadRequest(f"{path.name} is not text in UTF-8.") from None
        rows = list(_csv(path, text) if path.suffix.lower() == ".csv" else _jsonl(path, text))
        if not rows:
            raise BadRequest(f"{path.name} has no rows.")
        names = [*rows[0]]
        chosen = column or next((name for name in names if name in ("text", "content")), names[0])
        if chosen not in names:
            raise BadRequest(f"{path.name} has no column {chosen!r}: it has {', '.join(names)}.")
        if taken := [name for name in ADDED if name in names]:
            raise BadRequest(f"{path.name} has a column {taken[0]!r} already: rename it.")
        return cls(rows=rows, column=chosen)


def _csv(path: Path, text: str) -> Iterator[Row]:
    for number, row in enumerate(csv.DictReader(io.StringIO(text), strict=True), 2):
        if None in row or None in row.values():
            raise BadRequest(f"{path.name}, row {number}: not as many fields as in the first row.")
        yield dict(row)


def _jsonl(path: Path, text: str) -> Iterator[Row]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadRequest(f"{path.name}, line {number} is not JSON: {error}.") from None
            if not isinstance(row, dict):
                raise BadRequest(f"{path.name}, line {number} is not an object.")
            yield row


def run(
    table: Table,
    answer: Callable[[str], Once],
    out: Path,
    *,
    done: Callable[[int, int], None] = lambda finished, total: None,
) -> int:
    """Every row that is not done yet; how many had an error.  `out` is CSV or JSONL by its name.

    Raises:
        Conflict: `out` is there, or its part was made of other rows.
        FiresideError: what is no row's fault: the model is gone, the disk is full.
    """
    if out.exists():
        raise Conflict(f"{out} exists: name another file, or remove it first.")
    part = out.with_name(out.name + ".part")
    form = _Csv(table) if out.suffix.lower() == ".csv" else _Jsonl()
    before = _resumed(part, form, table)
    errors = sum(bool(row.get("error")) for row in before)
    done(len(before), len(table.rows))
    with part.open("a", encoding="utf-8", newline="") as file:
        if not before:
            file.write(form.head())
        for place, made in enumerate(_answers(table, answer, len(before)), len(before)):
            file.write(form.line(table.rows[place] | made))
            file.flush()
            errors += bool(made.get("error"))
            done(place + 1, len(table.rows))
        os.fsync(file.fileno())
    part.replace(out)
    return errors


def _answers(table: Table, answer: Callable[[str], Once], start: int) -> Iterator[Row]:
    """In order; the engine works on several at once."""

    def one(row: Row) -> Row:
        try:
            once = answer(str(row.get(table.column) or ""))
        except BadRequest as error:
            return {"answer": "", "error": error.message}
        return {"answer": once.text, **once.fields}

    pending: deque[Future[Row]] = deque()
    with ThreadPoolExecutor(AT_ONCE, "fireside-rows") as workers:
        try:
            for row in table.rows[start:]:
                pending.append(workers.submit(one, row))
                if len(pending) >= 2 * AT_ONCE:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for each in pending:
                each.cancel()


def _resumed(part: Path, form: _Csv | _Jsonl, table: Table) -> list[Row]:
    """The whole rows of a part, which is cut after the last of them."""
    if not part.exists():
        return []
    text = part.read_text(encoding="utf-8", errors="replace")
    rows, size = form.whole(text)
    same = all(
        all(str(row.get(name)) == str(value) for name, value in asked.items())
        for row, asked in zip(rows, table.rows, strict=False)
    )
    if len(rows) > len(table.rows) or not same:
        raise Conflict(f"{part} was begun with other rows: remove it, or name another --out.")
    with part.open("r+b") as file:
        file.truncate(len(text[:size].encode()) if rows else 0)
    return rows


class _Jsonl:
    def head(self) -> str:
        return ""

    def line(self, row: Row) -> str:
        return json.dumps(row, ensure_ascii=False) + "\n"

    def whole(self, text: str) -> tuple[list[Row], int]:
        rows, size = [], 0
        for line in text.splitlines(keepends=True):
            try:
                row = json.loads(line)
            except ValueError:
                break
            if not line.endswith("\n") or not isinstance(row, dict):
                break
            rows.append(row)
            size += len(line)
        return rows, size


class _Csv:
    """Every row has all of `ADDED`: which of them are used is not known before the last."""

    def __init__(self, table: Table) -> None:
        self._names = [*dict.fromkeys(name for row in table.rows for name in row), *ADDED]

    def head(self) -> str:
        return self._written(dict(zip(self._names, self._names, strict=True)))

    def line(self, row: Row) -> str:
        return self._written(row)

    def _written(self, row: Mapping[str, Any]) -> str:
        file = io.StringIO()
        csv.DictWriter(file, self._names, restval="", lineterminator="\n").writerow(row)
        return file.getvalue()

    def whole(self, text: str) -> tuple[list[Row], int]:
        """A row is whole where what the file holds up to its end would be written again so."""
        head = self.head()
        if not text.startswith(head):
            return [], 0
        rows: list[Row] = []
        size = len(head)
        for row in csv.DictReader(io.StringIO(text)):
            line = self._written(row) if None not in row and None not in row.values() else ""
            if not line or text[size : size + len(line)] != line:
                break
            rows.append(dict(row))
            size += len(line)
        return rows, size
