"""Bring a database to `HEAD`: nothing to do in the common case, Alembic otherwise.

It refuses a database of a newer Fireside and a database of another program, and touches neither.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, select, table, text

from fireside.errors import Corrupt, Unavailable
from fireside.storage.schema import HEAD

FOLDER = Path(__file__).parent / "migrations"


def revision(connection: Connection) -> str | None:
    """The revision that the database stands at; None when it is empty."""
    names = inspect(connection).get_table_names()
    if "alembic_version" in names:
        found = connection.execute(
            select(text("version_num")).select_from(table("alembic_version"))
        )
        return found.scalar_one_or_none()
    if names:
        raise Corrupt(
            f"{connection.engine.url.database} is a database of another program: "
            "move it away, or set FIRESIDE_HOME to another folder."
        )
    return None


def is_current(connection: Connection) -> bool:
    """Whether there is nothing to do.

    Raises:
        Unavailable: the database was written by a newer Fireside.
    """
    found = revision(connection)
    if found is not None and found > HEAD:
        raise Unavailable(
            f"{connection.engine.url.database} was written by a newer Fireside "
            f"(schema {found}, this one knows {HEAD}): upgrade Fireside."
        )
    return found == HEAD


def migrate(connection: Connection) -> None:
    """Run the missing steps inside the caller's transaction: all of them or none."""
    if is_current(connection):  # another process was faster
        return
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
