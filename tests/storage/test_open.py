"""Opening: quick when nothing is to do, safe when killed, plain when it cannot be."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import inspect

from fireside.errors import Corrupt, FiresideError, Unavailable
from fireside.storage import Store, schema
from fireside.storage.sqlite import in_plain_words


def test_the_migrations_make_the_schema(store: Store) -> None:
    """HEAD is Alembic's head, and the tables are those that the queries are written for."""
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from fireside.storage.migrate import FOLDER

    assert ScriptDirectory(str(FOLDER)).get_current_head() == schema.HEAD == store.revision()
    assert isinstance(Config, type)
    found = inspect(store._engine)
    for table in schema.metadata.tables.values():
        columns = {
            c["name"]: (c["nullable"], str(c["type"])) for c in found.get_columns(table.name)
        }
        assert columns == {
            c.name: (bool(c.nullable), c.type.compile(store._engine.dialect)) for c in table.columns
        }
        assert {i["name"] for i in found.get_indexes(table.name)} == {i.name for i in table.indexes}


def test_an_open_database_is_opened_again_without_alembic_and_quickly(database: Path) -> None:
    Store.open(database).close()
    code = (
        "import sys, time; from pathlib import Path; from fireside.storage import Store\n"
        "times = []\n"
        "for _ in range(5):\n"
        "    t = time.process_time(); Store.open(Path(sys.argv[1])).close()\n"
        "    times.append(time.process_time() - t)\n"
        "assert 'alembic' not in sys.modules\n"
        "print(min(times))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(database)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.05


def test_only_the_owner_of_the_files_reads_them(store: Store, database: Path) -> None:
    store.create_conversation()
    for file in database.parent.iterdir():
        assert file.stat().st_mode & 0o077 == 0, file


WRITER = """
import sys, time
from pathlib import Path
from fireside.storage import Store

store = Store.open(Path(sys.argv[1]))
conversation = store.create_conversation()
question = store.append(conversation.id, "user", "How are you?", parent_id=None)
answer = store.append(
    conversation.id, "assistant", "", parent_id=question.id, status="partial"
)
said = ""
for n in range(100000):
    said += f"{n} "
    store.flush(answer.id, said)
    print(answer.id, n, flush=True)
"""


def test_kill_9_in_the_middle_of_an_answer_loses_nothing_flushed(database: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(database)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    for _ in range(40):
        answer_id, last = process.stdout.readline().split()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with Store.open(database) as store:
        question, answer = store.path_to(answer_id)
        assert question.content == "How are you?"
        assert answer.status == "partial"
        words = answer.content.split()
        assert words == [str(n) for n in range(len(words))]
        assert len(words) > int(last)
        assert store.check() == "ok"
        store.append(question.conversation_id, "user", "Again?", parent_id=answer.id)


def test_kill_9_at_the_first_opening_leaves_nothing_half_made(tmp_path: Path) -> None:
    """Whatever the moment, the next open succeeds."""
    for n in range(4):
        path = tmp_path / f"{n}.db"
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=-3)
        deadline = time.monotonic() + 30
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(n * 0.15)
        process.kill()
        process.wait()
        with Store.open(path) as store:
            assert store.revision() == schema.HEAD


def test_two_processes_open_a_new_database_at_once(database: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from fireside.storage import Store\n"
        "Store.open(Path(sys.argv[1])).create_conversation()"
    )
    command = [sys.executable, "-c", code, str(database)]
    running = [subprocess.Popen(command) for _ in range(3)]
    assert [process.wait() for process in running] == [0, 0, 0]
    with Store.open(database) as store:
        assert len(store.conversations()) == 3


def one_line(error: FiresideError) -> str:
    assert "\n" not in error.message
    return error.message


def test_a_database_that_another_process_holds(
    store: Store, database: Path, tmp_path: Path
) -> None:
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with Store.open(database, busy_timeout=0.1) as other:
        assert other.conversations() == []  # readers never wait for a writer
        with pytest.raises(Unavailable, match="locked by another process") as caught:
            other.create_conversation()
    one_line(caught.value)
    fresh = tmp_path / "fresh.db"
    held = sqlite3.connect(fresh, isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="locked by another process"):
        Store.open(fresh, busy_timeout=0.1)
    for connection in (holder, held):
        connection.close()


def test_a_short_lock_is_waited_for(store: Store, database: Path) -> None:
    holder = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    import threading

    timer = threading.Timer(0.3, lambda: holder.execute("COMMIT"))
    timer.start()
    store.create_conversation()
    timer.join()
    holder.close()


@pytest.mark.parametrize("content", [b"this is not a database, it is a letter to a friend" * 99])
def test_a_file_that_is_no_database_is_left_alone(database: Path, content: bytes) -> None:
    database.parent.mkdir()
    database.write_bytes(content)
    with pytest.raises(Corrupt, match="damaged") as caught:
        Store.open(database)
    one_line(caught.value)
    assert database.read_bytes() == content


def read_all(database: Path, conversation_id: str) -> None:
    with Store.open(database) as store:
        store.messages(conversation_id)


def test_a_damaged_database_is_left_alone(database: Path) -> None:
    with Store.open(database) as store:
        conversation = store.create_conversation()
        for n in range(200):
            store.append(conversation.id, "user", f"{n}" * 100, parent_id=None)
    whole = database.read_bytes()
    for damaged in (whole[:8192], whole[:100] + b"\xff" * 8000 + whole[8100:]):
        database.write_bytes(damaged)
        with pytest.raises(Corrupt, match="damaged"):
            read_all(database, conversation.id)
        assert database.read_bytes() == damaged


def test_a_newer_and_a_foreign_database_are_refused(database: Path, tmp_path: Path) -> None:
    with Store.open(database) as store, store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(Unavailable, match="newer Fireside") as caught:
        Store.open(database)
    one_line(caught.value)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as raw:
        raw.execute("CREATE TABLE songs (title)")
    raw.close()
    with pytest.raises(Corrupt, match="another program"):
        Store.open(foreign)


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="cannot be opened"):
        Store.open(tmp_path / "file" / "fireside.db")
    with pytest.raises(Unavailable, match="cannot be opened"):
        Store.open(tmp_path)
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(Unavailable, match="cannot be opened"):
            Store.open(tmp_path / "closed" / "fireside.db")


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("database is locked", Unavailable, "locked by another process"),
        ("database disk image is malformed", Corrupt, "damaged"),
        ("file is not a database", Corrupt, "damaged"),
        ("database or disk is full", Unavailable, "No disk space"),
        ("attempt to write a readonly database", Unavailable, "cannot be used"),
        ("disk I/O error", Unavailable, "cannot be used"),
    ],
)
def test_sqlite_in_plain_words(said: str, kind: type[FiresideError], words: str) -> None:
    plain = in_plain_words(sqlite3.OperationalError(said), "/x/fireside.db")
    assert type(plain) is kind
    assert words in one_line(plain)
    assert "/x/fireside.db" in plain.message


def test_a_bug_of_ours_keeps_its_own_words() -> None:
    assert in_plain_words(sqlite3.OperationalError("no such column: x"), "/x") is None
