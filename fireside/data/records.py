"""Files of records: JSON Lines, JSON, CSV, TSV and Parquet, one record after another.

A record is a mapping from a column's name to its value.  What each file's lines are is settled
here, what they mean in `formats.py`.  A broken line is told of and passed over; whether that ends
the reading, the caller decides.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from fireside.data.extras import needed
from fireside.data.nested import rows_of
from fireside.data.snapshot import Snapshot
from fireside.errors import BadRequest

Record = Mapping[str, object]
Broken = Callable[[int, str], None]
"""Told of a line that cannot be read, and why."""

MAX_JSON = 1 << 29
"""Bytes of a .json file, which is read whole; .jsonl has no limit."""


def json_lines(snapshot: Snapshot, file: BinaryIO, broken: Broken) -> Iterator[tuple[int, Record]]:
    for number, line in _lines(snapshot, file, broken):
        if not line.strip():
            continue
        try:
            value = loads(line)
        except (ValueError, RecursionError) as error:
            broken(number, f"this is not JSON ({_short(error)})")
            continue
        if not isinstance(value, dict):
            broken(number, f"this is no JSON object but {type(value).__name__}")
        elif _half_a_character(value):
            broken(number, "this holds half of a surrogate pair, which is no text")
        else:
            yield number, value


def whole_json(
    snapshot: Snapshot, file: BinaryIO, name: str, broken: Broken
) -> Iterator[tuple[int, Record]]:
    """The records of a .json file: an array of them, or one of the nestings of `nested.py`.

    Raises:
        BadRequest: it is no JSON, too large, or holds no records.
    """
    if snapshot.size > MAX_JSON:
        raise BadRequest(
            f"{name} is {snapshot.size >> 20:,} MiB of JSON in one piece: make it JSON Lines."
        )
    try:
        text = file.read().decode("utf-8-sig")
        value = loads(text)
    except UnicodeDecodeError as error:
        raise BadRequest(f"{name} is not UTF-8 ({error.reason}): save it as UTF-8.") from None
    except json.JSONDecodeError as error:
        raise BadRequest(f"{name}:{error.lineno}: this is not JSON ({error.msg}).") from None
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"{name}: this is not JSON ({_short(error)}).") from None
    rows = rows_of(value, name)
    lines = _lines_of_elements(text) if value is rows else range(1, len(rows) + 1)
    for number, record in zip(lines, rows, strict=True):
        if not isinstance(record, dict):
            broken(number, f"this is no JSON object but {type(record).__name__}")
        elif _half_a_character(record):
            broken(number, "this holds half of a surrogate pair, which is no text")
        else:
            yield number, record


def _lines_of_elements(text: str) -> Iterator[int]:
    """The line on which each element of a JSON array begins."""
    decoder = json.JSONDecoder()
    at, line, counted = text.index("[") + 1, 1, 0
    while True:
        while text[at] in " \t\r\n,":
            at += 1
        if text[at] == "]":
            return
        line, counted = line + text.count("\n", counted, at), at
        yield line
        _, at = decoder.raw_decode(text, at)


def loads(text: str) -> Any:
    """A JSON value in which no object has the same key twice.

    Raises:
        ValueError: it is none.
    """
    return json.loads(text, object_pairs_hook=_single)


def _single(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = _twice(name for name, _ in pairs)
        raise ValueError(f"the key {twice[:40]!r} stands twice in one object")
    return found


def separated(
    snapshot: Snapshot,
    file: BinaryIO,
    broken: Broken,
    *,
    tabs: bool,
    columns: tuple[str, ...],
    numbered: bool,
) -> Iterator[tuple[int, Record]]:
    """The rows of a CSV or TSV.

    tabs: a TSV, in which a quotation mark is one.
    columns: their names, where the file has no header.
    numbered: the same, and they are called 1, 2, 3 ...
    """
    csv.field_size_limit(sys.maxsize)  # the default refuses documents of more than 128 KiB
    lines = _lines(snapshot, file, broken)
    rows = _tab_rows(lines) if tabs else _comma_rows(lines, broken)
    header = list(columns)
    for number, row in rows:
        if not row or row == [""]:
            continue
        if not header and numbered:
            header = [str(i) for i in range(1, len(row) + 1)]
        elif not header:
            header = [name.strip() or str(i) for i, name in enumerate(row, 1)]
            if len(set(header)) < len(header):
                broken(number, f"two columns have the name {_twice(header)[:40]!r}")
                return
            continue
        elif row == header:
            continue  # the columns' names were given, and the file has them too
        if len(row) != len(header):
            broken(number, f"{len(row)} fields, not {len(header)} ({', '.join(header)})"[:200])
        else:
            yield number, dict(zip(header, row, strict=True))


def parquet(path: Path) -> Iterator[tuple[int, Record]]:
    """The rows of a Parquet file.

    Raises:
        BadRequest: it is none.
    """
    with needed("Reading Parquet"):
        import pyarrow
        from pyarrow import parquet as reader

    try:
        with reader.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches(batch_size=1024):
                for record in batch.to_pylist():
                    number += 1
                    yield number, without_nulls(record)
    except (pyarrow.ArrowException, OSError) as error:
        raise BadRequest(f"{path} cannot be read as Parquet: {_short(error)}.") from None


def _twice(names: Iterable[str]) -> str:
    """The first name that stands twice or more."""
    counted = Counter(names)
    return next(name for name, count in counted.items() if count > 1)


def without_nulls(record: Record) -> Record:
    """A record without the nulls inside its objects.

    Parquet gives all objects of a column the same fields, and fills those that an object never had
    with null; a null that was meant cannot be told from them.
    """
    return {name: _without_nulls(value) for name, value in record.items()}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(one) for name, one in value.items() if one is not None}
    return [_without_nulls(one) for one in value] if isinstance(value, list) else value


def _tab_rows(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[int, list[str]]]:
    for number, line in lines:
        yield number, line.rstrip("\r\n").split("\t")


def _comma_rows(
    lines: Iterator[tuple[int, str]], broken: Broken
) -> Iterator[tuple[int, list[str]]]:
    at = 0

    def texts() -> Iterator[str]:
        nonlocal at
        for number, line in lines:
            at = number
            yield line

    reader = csv.reader(texts(), strict=True)
    while True:
        first = at + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            broken(first, f"this is not CSV ({error})")
            continue
        yield first, row


def _lines(snapshot: Snapshot, file: BinaryIO, broken: Broken) -> Iterator[tuple[int, str]]:
    """The lines with their numbers; one that somebody is still writing is left out."""
    for number, raw in enumerate(file, 1):
        if not raw.endswith(b"\n") and snapshot.done == snapshot.size and snapshot.grown:
            broken(number, "this line was still being written")
            return
        try:
            yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            broken(number, f"this is not UTF-8 ({error.reason})")


def _half_a_character(value: Mapping[str, object]) -> bool:
    r"""Whether a text in it cannot be written: JSON may spell `\ud83d` and leave it at that."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 100 else text[:99] + "…"


def as_text(value: Any) -> str:
    """A column's value as a template shows it."""
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def canonical(record: Record) -> bytes:
    """A record as bytes that say the same in every process: what a stream's hash is made of."""
    return json.dumps(record, sort_keys=True, ensure_ascii=False, default=str).encode()
