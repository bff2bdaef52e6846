"""JSON Lines: a file's objects one by one, and the first line that is none, by its number.

Never the whole file in memory.  It refuses to know what the objects mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from fireside.errors import BadRequest
from fireside.server.body import MAX_BYTES, decode

MAX_LINE: Final = MAX_BYTES


class BadLine(BadRequest):
    """`line`: its number in the file, from 1.  `why`: the message without that number."""

    default_code = "invalid_jsonl"

    def __init__(self, line: int, why: str, *, param: str | None = None) -> None:
        super().__init__(f"Line {line} {why}", param=param)
        self.line = line
        self.why = why


def lines_of(path: Path) -> Iterator[tuple[int, bytes]]:
    """Every line that is not blank, with its number.

    Raises:
        BadLine: one is longer than a request may be.
    """
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(MAX_LINE + 2):
            number += 1
            if len(raw.rstrip(b"\r\n")) > MAX_LINE:
                raise BadLine(number, f"is longer than {MAX_LINE // 2**20} MiB.", param="file")
            if raw.strip():
                yield number, raw


def object_of(number: int, raw: bytes) -> dict[str, Any]:
    """
    Raises:
        BadLine: it is no JSON object, or one that a body could not be either (depth, NaN, ...).
    """
    try:
        return decode(raw.strip())
    except BadRequest as error:
        why = error.message.removeprefix("The body ").replace("(line 1, column", "(column")
        raise BadLine(number, why, param="file") from None


def check(path: Path) -> int:
    """The number of objects; at least one.

    Raises:
        BadLine: the first line that is none.
        BadRequest: there is none at all.
    """
    count = 0
    for number, raw in lines_of(path):
        object_of(number, raw)
        count += 1
    if count == 0:
        raise BadRequest("The file holds no line: put one JSON object on each.", param="file")
    return count
