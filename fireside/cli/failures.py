"""From an exception to one line and an exit code.

2: the command was used wrongly.  1: it failed.  130: Ctrl-C.  141: the reader of a pipe went away,
as for any Unix program.  No traceback, unless FIRESIDE_DEBUG=1 asks for it.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from typing import Final

import typer

from fireside.cli.printable import printable
from fireside.errors import BadRequest, ContextOverflow, FiresideError
from fireside.training import launch

USAGE: Final = 2
FAILURE: Final = 1
INTERRUPTED: Final = 130
BROKEN_PIPE: Final = 128 + 13


def say(line: str) -> None:
    """One line on stderr; of the processes that torchrun starts on a machine, from the first."""
    if launch.local_rank():
        return
    print("fireside:", " ".join(printable(line).split()), file=sys.stderr, flush=True)


def guarded(command: Callable[[], object]) -> int:
    """Run a command; the exit code."""
    try:
        code = command()
        sys.stdout.flush()
    except FiresideError as error:
        _trace()
        say(error.message)
        bad_usage = isinstance(error, BadRequest) and not isinstance(error, ContextOverflow)
        return USAGE if bad_usage else FAILURE
    except BrokenPipeError:
        return _reader_left()
    except SystemExit as leaving:  # typer's own, when it met the broken pipe first
        if isinstance(leaving.__context__, BrokenPipeError):
            return _reader_left()
        raise
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except Exception as error:
        return _unforeseen(error)
    return code if isinstance(code, int) else 0


def _reader_left() -> int:
    # Python flushes stdout once more at exit, and would complain again.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno() if sys.__stdout__ else 1)
    return BROKEN_PIPE


def _unforeseen(error: Exception) -> int:
    # Click's errors are no part of typer's public names, but each knows its code and its words.
    code, words = getattr(error, "exit_code", None), getattr(error, "format_message", None)
    if isinstance(code, int) and words is not None:
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "fireside"
        say(f"{words().rstrip('.')}. See `{path} --help`.")
        return code
    _trace()
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        say(f"{error.strerror}{where}. FIRESIDE_DEBUG=1 shows where.")
    else:
        say(f"{type(error).__name__}: {error}. This is a bug; FIRESIDE_DEBUG=1 shows where.")
    return FAILURE


def _trace() -> None:
    if os.environ.get("FIRESIDE_DEBUG", "0") not in ("", "0"):
        traceback.print_exc()
