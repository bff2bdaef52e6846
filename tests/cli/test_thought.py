"""Thinking aloud: told apart however the answer is cut, dimmed, folded away, or left out."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable

import pytest
from fake_model import FakeModel
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fireside.cli import loop
from fireside.cli.answer import on_terminal
from fireside.cli.loading import Loading
from fireside.cli.session import Session
from fireside.cli.thought import Thought, split
from fireside.settings import load_settings
from fireside.storage import Store

Run = Callable[..., tuple[int, str, str]]
pieces = st.sampled_from(["<think>", "</think>", "<thi", "nk>", "</", "a", " ", "\n", "<"])


@pytest.mark.parametrize(
    ("answer", "thought", "said"),
    [
        ("Just said.", "", "Just said."),
        ("<think>\nHm.\n</think>\n\nSo.", "\nHm.\n", "So."),
        (" \n<think>Hm", "Hm", ""),
        ("<think></think>So", "", "So"),
        ("<thin ice", "", "<thin ice"),
        ("A <think>b</think>", "", "A <think>b</think>"),
        ("<think>a</thin", "a</thin", ""),
        ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
        ("  ", "", "  "),
    ],
)
def test_what_is_what(answer: str, thought: str, said: str) -> None:
    assert split(answer) == (thought, said)


@given(st.lists(pieces, max_size=12))
def test_however_it_is_cut(parts: list[str]) -> None:
    thought = Thought()
    said = "".join([thought.push(part) for part in parts]) + thought.end()
    assert (thought.text, said) == split("".join(parts))


THINKS = ["<thi", "nk>\nLet me", " see.\n</th", "ink>\n\n", "It is ", "**blue**."]


def test_a_pipe_gets_what_is_said(run: Run, model: FakeModel) -> None:
    model.script = [THINKS, ["<think>For ever"]]
    code, out, err = run("chat", "hi")
    assert (code, out) == (0, "It is **blue**.\n")
    assert err == "fireside: what the model thought is left out; --json has it.\n"
    code, out, err = run("chat", "hi")
    assert (code, out) == (0, "")
    assert "nothing else was said" in err


def test_json_has_all_of_it(run: Run, model: FakeModel) -> None:
    model.script = [THINKS]
    assert json.loads(run("chat", "hi", "--json")[1])["content"] == "".join(THINKS)


def test_a_terminal_dims_it_and_folds_it_away(model: FakeModel, store: Store) -> None:
    model.script = [THINKS]
    out = io.StringIO()
    console = Console(file=out, width=60, height=12, force_terminal=True, color_system="standard")
    session = Session(store, Loading(load_settings(), None))
    session.ask("What colour is the sky?", on_terminal(console))
    raw = out.getvalue()
    assert "\x1b[2mLet me" in raw
    kept = raw[raw.rindex("Let me") :]
    assert re.search(r"Thought for \d+ s\.", kept)
    assert "blue" in kept
    assert "think>" not in raw


def test_it_can_be_read_later(model: FakeModel, store: Store) -> None:
    model.script = [THINKS, ["Plain."]]
    out = io.StringIO()
    console = Console(file=out, width=100)
    session = Session(store, Loading(load_settings(), None))
    window = loop.slash.Window(session=session, console=console, prompt=lambda _: None, listed=[])
    loop.answer(window, "hi")
    loop.answer(window, "/open 1")
    loop.answer(window, "/thought")
    shown = out.getvalue()
    assert "(thought first; /thought shows the last)" in shown
    assert "Let me see." in shown
    loop.answer(window, "again")
    loop.answer(window, "/thought")
    assert "Nothing was thought aloud" in out.getvalue()
