"""A little disk space that is set aside, so that deleting works where nothing else does.

SQLite writes to delete: on a full disk it could free nothing.  So a file of `SIZE` lies beside the
database; when a deletion finds the disk full, or the database cannot even be opened there, that
file goes, and it is tried once more.
The server sets it up again when there is room.
"""

from __future__ import annotations

import functools
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from sqlalchemy import Engine

from fireside.errors import Unavailable

SIZE: Final = 8 * 2**20
"""Twice what SQLite's log grows to before it is written back."""
PLENTY: Final = 8
NO_SPACE: Final = "no_space"

P = ParamSpec("P")
R = TypeVar("R")


class Reserve:
    """Of the database at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}-reserve")

    def hold(self) -> None:
        """Set the space aside, if there is plenty of it."""
        if self.path.exists() or shutil.disk_usage(self.path.parent).free < PLENTY * SIZE:
            return
        try:
            made = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(made, "wb") as file:
                if hasattr(os, "posix_fallocate"):
                    os.posix_fallocate(file.fileno(), 0, SIZE)
                else:
                    file.write(bytes(SIZE))
        except FileExistsError:  # another process was faster
            return
        except OSError:  # no room after all
            self.release()

    def release(self) -> bool:
        """Give the space back; False if there was none."""
        with suppress(OSError):
            self.path.unlink()
            return True
        return False


def reserve_of(engine: Engine) -> Reserve | None:
    """None where the database is another machine's."""
    database = engine.url.database
    return Reserve(Path(database)) if engine.dialect.name == "sqlite" and database else None


def freeing(method: Callable[P, R]) -> Callable[P, R]:
    """A method that deletes, in transactions of `self._writer`; it may be called again after a
    failure."""

    @functools.wraps(method)
    def tried(*args: P.args, **kwargs: P.kwargs) -> R:
        owner: Any = args[0]
        return with_reserve(reserve_of(owner._writer.engine), lambda: method(*args, **kwargs))

    return tried


def with_reserve(reserve: Reserve | None, work: Callable[[], R]) -> R:
    """What `work` gives; where the disk is full, it is done once more with the reserve's space."""
    try:
        return work()
    except Unavailable as error:
        if error.code != NO_SPACE or reserve is None or not reserve.release():
            raise
        return work()
