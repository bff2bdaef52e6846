"""From schema 0004 to 0005: conversations of the API become those of the page and the terminal.

`rows_0004.jsonl` holds the rows that a server of schema 0004 wrote when its API, its page and its
vault were used.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from fireside.storage import Store, sqlite
from fireside.storage.items import NewItem
from fireside.storage.migrate import FOLDER

SAVED = Path(__file__).with_name("rows_0004.jsonl").read_text(encoding="utf-8")
ROWS = [json.loads(line) for line in SAVED.strip().split("\n")]


def rows_of(table: str, **values: Any) -> list[dict[str, Any]]:
    return [
        row
        for name, row in ROWS
        if name == table and all(row[key] == value for key, value in values.items())
    ]


@pytest.fixture
def old(database: Path) -> Path:
    """A database of schema 0004 with its rows."""
    from alembic import command
    from alembic.config import Config

    engine = sqlite.open_engine(database, 5)
    with engine.execution_options(**{sqlite.WRITES: True}).begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(FOLDER))
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0004")
        _insert(connection)
    engine.dispose()
    return database


def _insert(connection: Connection) -> None:
    for table, row in ROWS:
        names = ", ".join(row)
        places = ", ".join(f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), row)


def everything(store: Store, table: str) -> list[dict[str, Any]]:
    with store._engine.connect() as connection:
        found = connection.execute(text(f"SELECT * FROM {table} ORDER BY rowid"))
        return [dict(row._mapping) for row in found]


def test_every_conversation_of_the_api_is_a_conversation_with_its_items(old: Path) -> None:
    with Store.open(old) as store:
        talks = rows_of("objects", kind="conversation")
        assert len(talks) == 2
        for talk in talks:
            made = store.get(talk["id"])
            assert (made.owner, made.created_at) == (talk["owner"], talk["created_at"])
            assert made.metadata == json.loads(talk["body"])["metadata"]
            items = rows_of("objects", kind="item", parent_id=talk["id"])
            path = store.path_to(made.head_id) if made.head_id else []
            assert [row.id for row in path] == [item["id"] for item in items]
            assert [row.item for row in path] == [json.loads(i["body"])["item"] for i in items]
            assert [row.created_at for row in path] == [item["created_at"] for item in items]
        tea = store.get(talks[0]["id"])
        assert tea.title == "How hot is green tea?"
        assert [(row.role, row.content) for row in store.path_to(tea.head_id or "")] == [
            ("system", "Be kind."),
            ("user", "How hot is green tea?\nPlease."),
            ("assistant", ""),
            ("tool", "80 degrees"),
            ("assistant", "It is 80 degrees."),
            ("user", "And black tea?"),
            ("assistant", "Hello there"),
            ("user", "Thanks"),
            ("assistant", "Hello there"),
        ]
        assert [hit.conversation.id for hit in store.search("black tea")] == [tea.id]
        assert store.check() == "ok"


def test_nothing_else_changes(old: Path) -> None:
    talks = {row["id"] for row in rows_of("objects", kind="conversation")}
    with Store.open(old) as store:
        page = everything(store, "messages")[: len(rows_of("messages"))]
        assert [row | {"item": None} for row in rows_of("messages")] == page
        kept = [row | {"metadata": None} for row in rows_of("conversations")]
        assert everything(store, "conversations")[: len(kept)] == kept
        left = [
            row
            for row in rows_of("objects")
            if row["kind"] != "conversation"
            and not (row["kind"] == "item" and row["parent_id"] in talks)
        ]
        assert {"memory", "private_value", "response", "item", "chat_completion"} <= {
            row["kind"] for row in left
        }
        assert everything(store, "objects") == left


KILLED = """
import os, signal, sys
from pathlib import Path
from sqlalchemy import Engine, event
from fireside.storage import Store

@event.listens_for(Engine, "before_cursor_execute")
def kill(connection, cursor, statement, *_):
    if statement.startswith("DELETE FROM objects WHERE kind"):
        os.kill(os.getpid(), signal.SIGKILL)

Store.open(Path(sys.argv[1]))
"""


def test_kill_9_in_the_middle_of_it_loses_nothing(old: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(old)], check=False)
    assert done.returncode == -signal.SIGKILL
    with Store.open(old, migrating=False) as store:
        assert store.revision() == "0004"
        for table in ("conversations", "messages", "objects"):
            assert everything(store, table) == rows_of(table)
    test_every_conversation_of_the_api_is_a_conversation_with_its_items(old)


def item(name: str) -> NewItem:
    return NewItem(id=name, item={"id": name, "type": "message"}, role="user", content=name)


def test_an_item_in_the_middle_is_deleted_and_the_rest_moves_up(store: Store) -> None:
    talk = store.create_conversation().id
    store.items.append(talk, [item("a"), item("b"), item("c")], title="A", model="m")
    store.items.append(talk, [item("d")], title="D", model="n")
    assert (store.get(talk).title, store.get(talk).model) == ("A", "m")
    for gone, left in (("b", "acd"), ("d", "ac"), ("a", "c")):
        store.items.remove(gone)
        assert "".join(row.id for row in store.path_to(store.get(talk).head_id or "")) == left
        assert store.search(gone) == []
    store.items.remove("c")
    assert store.get(talk).head_id is None
    store.items.remove("c")  # there is none any more


def test_a_sealed_message_moves_nowhere_else(store: Store) -> None:
    talk = store.create_conversation().id
    store.items.append(talk, [item("a"), item("b"), item("c")])
    for change in ("parent_id = 'c' WHERE id = 'b'", "parent_id = NULL WHERE id = 'c'",
                   "item = '{}' WHERE id = 'a'"):  # fmt: skip
        with pytest.raises(IntegrityError, match="sealed"), store._writer.begin() as connection:
            connection.execute(text(f"UPDATE messages SET {change}"))
