"""What is asked: the words of the command line, standard input, or both.

It refuses bytes that are no text, and more of them than any model could read.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from fireside.cli.failures import say
from fireside.errors import BadRequest

LIMIT: Final = 16 << 20  # bytes; the longest context of the catalogue holds far less
PATIENCE: Final = 1.0  # seconds that a silent pipe is waited for at least
STDIN: Final = "-"


def is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def read_question(words: Sequence[str], ready: Callable[[], bool]) -> str | None:
    """The question; None where a person sits at the terminal and gave none.

    Standard input goes below the words, as in `cat letter | fireside chat summarise this`.  A pipe
    that stays silent is given until `ready` says that the model could answer: whoever started us
    may just have left one open.  The word `-` waits for it however long it takes.

    Raises:
        BadRequest: not UTF-8, too long, or empty.
    """
    said = " ".join(word for word in words if word != STDIN)
    if any("\ud800" <= letter <= "\udfff" for letter in said):
        raise BadRequest("The question is not UTF-8: check the terminal's encoding.")
    if not words and is_terminal():
        return None
    waits = STDIN in words or not words
    piped = read_stdin() if waits or _pipe_speaks(ready) else ""
    question = "\n\n".join(part for part in (said, piped.strip("\r\n")) if part.strip())
    if not question:
        raise BadRequest("The question is empty: type one, or pipe one in.")
    return question


def read_stdin() -> str:
    data = sys.stdin.buffer.read(LIMIT + 1) if sys.stdin is not None else b""
    if len(data) > LIMIT:
        raise BadRequest(
            f"Standard input is longer than {LIMIT >> 20} MiB, more than any model reads: "
            "send a part of it."
        )
    try:
        return data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise BadRequest(
            f"Standard input is not UTF-8 (byte {data[error.start]:#04x} at {error.start}): "
            "convert it first, e.g. with iconv."
        ) from None


def _pipe_speaks(ready: Callable[[], bool]) -> bool:
    """Whether standard input is a file or a pipe with something in it."""
    if sys.stdin is None or is_terminal():
        return False
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if stat.S_ISREG(mode):
        return True
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return False
    start = time.monotonic()
    while not (ready() and time.monotonic() - start >= PATIENCE):
        if select.select([sys.stdin], [], [], 0.05)[0]:
            return True
    say("nothing came on standard input, so it is left out; a `-` after the question waits for it.")
    return False
