"""`fireside chat` with a question: words, pipes, conversations, and what can go wrong."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_model import FakeGeneration, FakeModel

from fireside.cli.loading import Loading
from fireside.cli.question import LIMIT, read_question
from fireside.errors import UnknownModel
from fireside.storage import Store

Run = Callable[..., tuple[int, str, str]]


def test_a_question_is_answered_in_plain_text(run: Run, model: FakeModel, store: Store) -> None:
    model.script = [["**Bold**", " and\n", "done"]]
    assert run("chat", "what", "is", "this?") == (0, "**Bold** and\ndone\n", "")
    assert model.asked[0].prompt == "<user>what is this?<assistant>"
    (conversation,) = store.conversations()
    assert conversation.title == "what is this?"


def test_standard_input_is_the_question_or_goes_below_it(run: Run, model: FakeModel) -> None:
    run("chat", stdin="Grüße\n".encode())
    run("chat", "summarise", stdin=b"\n a letter\n")
    run("chat", "-", "--system", "Be brief.", stdin=b"x")
    assert [asked.prompt for asked in model.asked] == [
        "<user>Grüße<assistant>",
        "<user>summarise\n\n a letter<assistant>",
        "<system>Be brief.<user>x<assistant>",
    ]


def test_a_conversation_goes_on(run: Run, model: FakeModel, store: Store) -> None:
    run("chat", "one")
    run("chat", "two", "--continue")
    conversation_id = store.conversations()[0].id
    run("chat", "three", "--conversation", conversation_id)
    assert model.asked[2].prompt == (
        "<user>one<assistant>ok<user>two<assistant>ok<user>three<assistant>"
    )
    assert len(store.conversations()) == 1


def test_json_says_everything(run: Run, model: FakeModel) -> None:
    model.script = [["a\x1b[31m\x9b"]]
    code, out, _ = run("chat", "hi", "--json", "--temperature", "0", "--seed", "3")
    assert code == 0
    assert "\x9b" not in out
    answer = json.loads(out)
    assert answer["content"] == "a\x1b[31m\x9b"
    assert answer["usage"]["completion_tokens"] == 1
    assert answer["receipt"]["sampling"] == {"temperature": 0.0, "top_p": 0.95, "seed": 3}


def test_an_answer_cannot_drive_the_terminal(run: Run, model: FakeModel) -> None:
    model.script = [["\x1b]0;owned\x07", "\x1b", "[2J", "fine\r", "\u202egpj"]]
    assert run("chat", "hi")[1] == "]0;owned[2Jfinegpj\n"


def test_ctrl_c_stops_the_answer(run: Run, model: FakeModel, store: Store) -> None:
    import signal
    import time

    model.script = [["one ", "two ", "three"]]

    def press(n: int) -> None:
        if n == 1:
            signal.raise_signal(signal.SIGINT)
            deadline = time.monotonic() + 60
            while not model.asked[0].cancelled and time.monotonic() < deadline:
                time.sleep(0.01)

    model.on_event = press
    code, out, err = run("chat", "hi")
    assert (code, out, err) == (130, "one \n", "")
    head = store.conversations()[0].head_id
    assert store.message(str(head)).status == "stopped"


def test_ctrl_c_before_the_first_word_stops_the_answer_too(
    run: Run, model: FakeModel, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    generate = model.generate

    def pressed(*prompt: Any, **how: Any) -> FakeGeneration:
        signal.raise_signal(signal.SIGINT)  # while question and answer are being stored
        return generate(*prompt, **how)

    monkeypatch.setattr(model, "generate", pressed)
    assert run("chat", "hi")[0] == 130
    assert store.message(str(store.conversations()[0].head_id)).status == "stopped"


def refused(run: Run, *words: str, stdin: bytes = b"") -> tuple[int, str]:
    code, out, err = run(*words, stdin=stdin)
    assert code != 0
    assert out == ""
    assert err.count("\n") == 1, err
    return code, err


def test_bad_input_is_one_line_each_and_leaves_nothing(
    run: Run, model: FakeModel, store: Store
) -> None:
    assert "empty" in refused(run, "chat", "  ")[1]
    assert "empty" in refused(run, "chat", stdin=b"\n")[1]
    assert "not UTF-8" in refused(run, "chat", stdin=b"caf\xe9")[1]
    assert "not UTF-8" in refused(run, "chat", "a\udce9b")[1]
    code, line = refused(run, "chat", stdin=b"word " * 200_000)
    assert (code, "takes at most 1,500" in line) == (1, True)
    assert "MiB" in refused(run, "chat", stdin=b"x" * (LIMIT + 1))[1]
    assert "no conversation" in refused(run, "chat", "hi", "--conversation", "conv_x")[1]
    assert "no conversation" in refused(run, "chat", "hi", "--continue")[1]
    assert store.conversations() == []


def test_an_unknown_model_is_named_with_its_neighbours(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, store: Store
) -> None:
    class Nothing:
        def get(self, name: str | None, *, owner: str = "") -> object:
            raise UnknownModel(f"There is no model {name!r}: did you mean smollm2:135m?")

        def close(self) -> None: ...

    monkeypatch.setattr(Loading, "_import", lambda self: Nothing())
    assert refused(run, "chat", "hi", "-m", "smolm2") == (
        1,
        "fireside: There is no model 'smolm2': did you mean smollm2:135m?\n",
    )
    assert store.conversations() == []


def test_a_locked_database(
    run: Run, model: FakeModel, store: Store, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Store.open.__func__.__kwdefaults__, "busy_timeout", 0.1)  # type: ignore[attr-defined]
    holder = sqlite3.connect(home / "fireside.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    assert "locked by another process" in refused(run, "chat", "hi")[1]
    holder.close()


def test_a_failing_engine_says_so_after_what_it_said(
    run: Run, model: FakeModel, store: Store
) -> None:
    model.script = [["Half a "]]
    model.failure = MemoryError("no memory")
    code, out, err = run("chat", "hi")
    assert (code, out) == (1, "Half a \n")
    assert err.count("\n") == 1
    assert store.message(str(store.conversations()[0].head_id)).status == "error"


def test_a_pipe_that_stays_silent_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent, writer = os.pipe()
    with open(silent) as idle, open(writer, "w"):
        monkeypatch.setattr(sys, "stdin", idle)
        assert read_question(["hi"], lambda: True) == "hi"
    assert "left out" in capsys.readouterr().err


READER = """
import sys, fake_model
from fireside.cli import loading, main
pages = (" ".join(map(str, range(n, n + 999))) for n in range(0, 999_000, 999))
model = fake_model.FakeModel(script=[["line\\n", *pages]])
loading.Loading._import = lambda self: fake_model.FakeModels(model)
main.main()
"""


def test_a_reader_that_leaves_ends_it_quietly(home: Path, store: Store) -> None:
    tests = Path(__file__).parent.parent
    paths = os.pathsep.join([str(tests), *sys.path])
    process = subprocess.Popen(
        [sys.executable, "-c", READER, "chat", "hi"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "FIRESIDE_HOME": str(home), "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert process.stdout.readline() == b"line\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(120) == 141
    assert store.message(str(store.conversations()[0].head_id)).status == "stopped"


def test_a_persona_answers(run: Any, model: Any, home: Path) -> None:
    (home / "personas").mkdir(parents=True, exist_ok=True)
    (home / "personas" / "clerk.toml").write_text('instructions = "You are a clerk."\n')
    code, out, _ = run("chat", "--persona", "clerk", "hi")
    assert (code, out) == (0, "ok\n")
    assert model.asked[0].prompt == "<system>You are a clerk.<user>hi<assistant>"
    code, _, said = run("chat", "--persona", "clark", "hi")
    assert code != 0
    assert "Near: clerk" in said
    code, _, said = run("chat", "--persona", "clerk", "--model", "x", "hi")
    assert code == 2
    assert "Choose one" in said


def test_a_tool_that_asks_does_nothing_where_nobody_is_there(
    run: Any, model: Any, home: Path
) -> None:
    (home / "personas").mkdir(parents=True, exist_ok=True)
    (home / "personas" / "clerk.toml").write_text(
        '[tools]\nallow = ["calculate"]\nconsent = { calculate = "ask" }\n'
    )
    call = '<tool_call>\n{"name": "calculate", "arguments": {"expression": "1"}}\n</tool_call>'
    model.script = [["So? ", call]]
    code, out, said = run("chat", "--persona", "clerk", "hi")
    assert (code, out) == (0, "So?\n")
    assert "Nothing was done" in said
