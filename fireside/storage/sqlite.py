"""Everything that is SQLite's own: opening, locking, errors in plain words, full-text search.

Another dialect gets a file like this one; the store and the schema stay as they are.
"""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    column,
    create_engine,
    event,
    func,
    literal_column,
    table,
    text,
)
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from fireside.errors import Corrupt, FiresideError, Unavailable
from fireside.storage.reserve import NO_SPACE
from fireside.storage.schema import messages

WRITES: Final = "fireside_writes"
"""Execution option: the transaction will write, so take the write lock at its start."""

TEXT = table("messages_text", column("rowid"), column("rank"))

PASSAGES_WORDS: Final = "passages_words"

UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]"
)
"""Scripts that set no space between words, which unicode61 takes for one long word."""


class Connections(QueuePool):
    """A pool that says in plain words that all of its connections are in use."""

    def connect(self) -> PoolProxiedConnection:
        """
        Raises:
            Unavailable: none became free in time.
        """
        try:
            return super().connect()
        except PoolTimeout:
            raise Unavailable(
                "Too much is read from the database at once: wait for some of it, then try again."
            ) from None


def open_engine(path: Path, busy_timeout: float) -> Engine:
    """An engine over the file at `path`, made readable by its owner only.

    Raises:
        Unavailable: the folder or the file cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise Unavailable(
            f"The database {path} cannot be opened ({error.strerror}): "
            "mend the file's permissions, or set FIRESIDE_HOME to a folder you can write."
        ) from None
    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"timeout": busy_timeout, "check_same_thread": False},
        poolclass=Connections,
        pool_timeout=busy_timeout,
        hide_parameters=True,  # an error's text must not quote what somebody wrote
    )
    event.listen(engine, "connect", _on_connect)
    event.listen(engine, "begin", _on_begin)
    event.listen(engine, "handle_error", _on_error)
    return engine


def _on_connect(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes late and never as IMMEDIATE; `_on_begin` says it instead.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        # In WAL mode NORMAL loses nothing to kill -9; a power cut may cost the last moments
        # but never tears the file.
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _on_begin(connection: Connection) -> None:
    # A read that turns into a write cannot wait for the lock (SQLITE_BUSY_SNAPSHOT): a
    # transaction that will write says so at its start.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _on_error(context: ExceptionContext) -> None:
    database = context.engine.url.database if context.engine is not None else "the database"
    plain = in_plain_words(context.original_exception, str(database))
    if plain is not None:
        raise plain from context.original_exception


def in_plain_words(error: BaseException, path: str) -> FiresideError | None:
    """What an SQLite error means to a person, or None for a bug of ours."""
    said = str(error).lower()
    if "locked" in said or "busy" in said:
        return Unavailable(
            f"The database {path} is locked by another process: "
            "close that program or wait for it, then try again."
        )
    if "not a database" in said or "malformed" in said:
        return Corrupt(
            f"The database {path} is damaged and was left as it is: move it away to start "
            "afresh, or restore a backup of it."
        )
    if "full" in said:
        return _no_space(path)
    # A quota that is used up is an I/O error to SQLite, and so is a full disk when it is opened.
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"):
        return _no_space(path)
    if "readonly" in said or "unable to open" in said or "disk i/o" in said:
        return Unavailable(f"The database {path} cannot be used ({error}): check the disk.")
    return None


def _no_space(path: str) -> Unavailable:
    return Unavailable(
        f"No disk space left for the database {path}: free some, try again.", code=NO_SPACE
    )


def check(connection: Connection) -> str:
    """`ok`, or the first thing that SQLite's own integrity check finds wrong."""
    return str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one())


def overwrite_deleted(connection: Connection) -> None:
    """From now on this connection writes zeros over what it deletes."""
    connection.exec_driver_sql("PRAGMA secure_delete=ON")


def scrub(engine: Engine) -> bool:
    """Rewrite the file without what was deleted: the full-text indexes, free pages, the log.

    FTS5 deletes a word by a mark and keeps it until its segments are merged; VACUUM writes the
    rest anew, with no free page.  False where a reader kept the log from being emptied.
    """
    raw = engine.raw_connection()
    try:
        connection = raw.driver_connection
        assert isinstance(connection, sqlite3.Connection)
        try:
            # In memory the copy of a large database could be more than there is.
            for statement in ("PRAGMA secure_delete=ON", "PRAGMA temp_store=FILE"):
                connection.execute(statement)
            for index in (TEXT.name, PASSAGES_WORDS):
                connection.execute(f"INSERT INTO {index}({index}) VALUES ('optimize')")  # noqa: S608
            connection.execute("VACUUM")
            blocked, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("PRAGMA temp_store=MEMORY")
        except sqlite3.Error as error:
            plain = in_plain_words(error, str(engine.url.database))
            if plain is None:
                raise
            raise plain from error
    finally:
        raw.close()
    return not blocked


def searching(base: Select[Any], query: str) -> Select[Any] | None:
    """`base`, a select over messages, narrowed to those that match, best first, plus `snippet`.

    Every word must occur; the last may be the beginning of one, so that search works while
    typing.  A snippet marks nothing: the reader's surface does that.  None for an empty query.
    """
    words = re.findall(r"\w+", query)
    if not words:
        return None
    m = messages.c
    if UNSPACED.search(query):
        plain = query.strip()
        start = func.max(func.instr(func.lower(m.content), plain.lower()) - 40, 1)
        return (
            base.add_columns(func.substr(m.content, start, 120).label("snippet"))
            .where(m.status != "partial", m.content.icontains(plain, autoescape=True))
            .order_by(m.serial.desc())
        )
    # Quoted, a word is never an operator of FTS5's query language.
    match = " ".join(f'"{word}"' for word in words) + "*"
    return (
        base.add_columns(
            literal_column("snippet(messages_text, 0, '', '', '…', 16)").label("snippet")
        )
        .join(TEXT, TEXT.c.rowid == m.serial)
        .where(text("messages_text MATCH :match").bindparams(match=match))
        .order_by(TEXT.c.rank)
    )
