"""Rows of a CSV or JSONL file through a persona, in order, a few at a time, resumable.

Each finished row goes at once to `OUT.part`, which becomes `OUT` when the last is done; a run that
was broken off goes on after the last whole line of it.  A part that was made from other rows is
refused, and so is a second run that would write to it at the same time.  Nothing of a row is lost:
its columns stay and the answer's come behind them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from filelock import FileLock, Timeout

from fireside.assistant.once import Once
from fireside.assistant.uses.forms import ADDED, LONGEST_CELL, Csv, Jsonl, Row
from fireside.errors import BadRequest, Conflict, NotFound

AT_ONCE: Final = 4


@dataclass(slots=True)
class Tally:
    """Of finished rows: those with an error, and how often each label was given."""

    errors: int = 0
    labels: Counter[str] = field(default_factory=Counter)

    def count(self, row: Row) -> None:
        self.errors += bool(row.get("error"))
        if label := row.get("label"):
            self.labels[label] += 1


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
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise BadRequest(f"{path.name} is not text in UTF-8.") from None
        rows = list(_csv(path, text) if path.suffix.lower() == ".csv" else _jsonl(path, text))
        if not rows:
            raise BadRequest(f"{path.name} has no rows.")
        names = [*rows[0]]
        chosen = column or next((name for name in names if name in ("text", "content")), names[0])
        if chosen not in names:
            raise BadRequest(f"{path.name} has no column {chosen!r}: it has {', '.join(names)}.")
        return cls(rows=rows, column=chosen)


def _csv(path: Path, text: str) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    number = 1
    try:
        names = reader.fieldnames or ()
        if twice := [name for n, name in enumerate(names) if name in names[:n]]:
            raise BadRequest(f"{path.name} has two columns {twice[0]!r}: rename one of them.")
        _refuse_added(path.name, names)
        number += 1
        for row in reader:
            if None in row or None in row.values():
                raise BadRequest(
                    f"{path.name}, row {number}: not as many fields as in the first row."
                )
            yield dict(row)
            number += 1
    except csv.Error as error:
        said = str(error)
        what = "a quote is not closed" if said == "unexpected end of data" else said
        raise BadRequest(f"{path.name}, row {number}: {what}.") from None


def _jsonl(path: Path, text: str) -> Iterator[Row]:
    # No other letter ends a line: U+2028 may stand in a string.
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            place = f"{path.name}, line {number}"
            try:
                row = json.loads(line, object_pairs_hook=_once_each)
            except RecursionError:
                raise BadRequest(f"{place} is nested too deeply.") from None
            except ValueError as error:
                raise BadRequest(f"{place} is not JSON: {error}.") from None
            if not isinstance(row, dict):
                raise BadRequest(f"{place} is not an object.")
            _refuse_added(place, row)
            if "\\ud" in line.lower() and not _is_text(row):
                raise BadRequest(f"{place} holds half a letter, such as \\ud83d alone.")
            yield row


def _is_text(row: Row) -> bool:
    try:
        json.dumps(row, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _once_each(pairs: Sequence[tuple[str, Any]]) -> Row:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for n, name in enumerate(names) if name in names[:n])
        raise ValueError(f"it has two keys {twice!r}")
    return row


def _refuse_added(place: str, names: Iterable[str]) -> None:
    if taken := [name for name in ADDED if name in names]:
        raise BadRequest(f"{place} has a column {taken[0]!r} already: rename it.")


def check_out(out: Path) -> None:
    """
    Raises:
        Conflict: it is there.
        NotFound: its folder is not.
    """
    if out.exists():
        raise Conflict(f"{out} exists: name another file, or remove it first.")
    if not out.parent.is_dir():
        raise NotFound(f"There is no folder {str(out.parent)!r} for --out: make it first.")


def run(
    table: Table,
    answer: Callable[[str], Once],
    out: Path,
    *,
    done: Callable[[int, int], None] = lambda finished, total: None,
) -> Tally:
    """Every row that is not done yet.  `out` is CSV or JSONL by its name.

    Raises:
        Conflict: `out` is there, its part was made of other rows, or another run writes it.
        NotFound: its folder is not there.
        FiresideError: what is no row's fault: the model is gone, the disk is full.
    """
    check_out(out)
    part = out.with_name(out.name + ".part")
    with _held(part):
        check_out(out)  # the other run may have been done just now
        tally = _written(table, answer, part, done)
        part.replace(out)
    return tally


@contextmanager
def _held(part: Path) -> Iterator[None]:
    """Nobody else writes the part meanwhile."""
    path = part.with_name(part.name + ".lock")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Conflict(f"Another run writes {part}: wait for it, or name another --out.") from None
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps what is open
            path.unlink()
        lock.release()


def _written(
    table: Table, answer: Callable[[str], Once], part: Path, done: Callable[[int, int], None]
) -> Tally:
    is_csv = part.name.lower().endswith(".csv.part")
    form = Csv(table.rows) if is_csv else Jsonl()
    before = _resumed(part, form, table)
    tally = Tally()
    for row in before:
        tally.count(row)
    done(len(before), len(table.rows))
    with part.open("a", encoding="utf-8", newline="") as file:
        if not before:
            file.write(form.head())
        for place, made in enumerate(_answers(table, answer, len(before)), len(before)):
            file.write(form.line(table.rows[place] | made))
            file.flush()
            tally.count(made)
            done(place + 1, len(table.rows))
        os.fsync(file.fileno())
    return tally


def _answers(table: Table, answer: Callable[[str], Once], start: int) -> Iterator[Row]:
    """In order; the engine works on several at once."""

    def one(row: Row) -> Row:
        text = row.get(table.column)
        try:
            once = answer("" if text is None else str(text))
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


def _resumed(part: Path, form: Csv | Jsonl, table: Table) -> list[Row]:
    """The whole rows of a part, which is cut after the last of them."""
    if not part.exists():
        return []
    text = part.read_bytes().decode("utf-8", errors="replace")
    rows, size = form.whole(text)
    same = all(form.is_of(row, asked) for row, asked in zip(rows, table.rows, strict=False))
    if len(rows) > len(table.rows) or not same:
        raise Conflict(f"{part} was begun with other rows: remove it, or name another --out.")
    with part.open("r+b") as file:
        file.truncate(len(text[:size].encode()) if rows else 0)
    return rows
