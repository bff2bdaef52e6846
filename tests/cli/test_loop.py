"""The prompt and its commands, typed key by key into a terminal that is none."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_model import FakeModel
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console

from fireside.cli import loop, slash
from fireside.cli.loading import Loading
from fireside.cli.session import Session
from fireside.settings import load_settings
from fireside.storage import Store

Type = Callable[[str], str]


@pytest.fixture
def session(model: FakeModel, store: Store) -> Session:
    return Session(store, Loading(load_settings(), None))


@pytest.fixture
def type_(session: Session, home: Path) -> Type:
    """Type keys, then Ctrl-D; what was printed."""

    def typed(keys: str) -> str:
        out = io.StringIO()
        console = Console(file=out, width=100, force_terminal=False)
        with create_pipe_input() as keyboard, create_app_session(keyboard, DummyOutput()):
            keyboard.send_text(keys + "\x04")
            loop.run(session, console, home)
        return out.getvalue()

    return typed


def test_enter_sends_and_alt_enter_begins_a_line(type_: Type, model: FakeModel, home: Path) -> None:
    model.script = [["An **answer**."]]
    assert "An answer." in type_("one\x1b\rtwo\x0athree\r")
    assert model.asked[0].prompt == "<user>one\ntwo\nthree<assistant>"
    assert "one" in (home / "chat_history").read_text()
    assert (home / "chat_history").stat().st_mode & 0o077 == 0


def test_ctrl_c_clears_and_ctrl_d_leaves(type_: Type, model: FakeModel) -> None:
    type_("secret\x03hi\r")
    assert [asked.prompt for asked in model.asked] == ["<user>hi<assistant>"]


def test_an_error_is_a_line_and_the_chat_goes_on(type_: Type, model: FakeModel) -> None:
    shown = type_("x" * 3000 + "\r/nonsense\rhi\r")
    assert "takes at most 1,500" in shown
    assert "no command /nonsense" in shown
    assert "ok" in shown


def test_regenerate_edit_and_undo(type_: Type, model: FakeModel, session: Session) -> None:
    model.script = [["one"], ["two"], ["three"]]
    type_("q\r/regenerate\r/edit q!\r")
    prompts = [asked.prompt for asked in model.asked]
    assert prompts == ["<user>q<assistant>", "<user>q<assistant>", "<user>q!<assistant>"]
    assert session.path()[-1].content == "three"
    type_("/undo\r")
    assert session.path() == []


def test_an_answer_cut_off_at_its_limit_is_written_on(
    type_: Type, model: FakeModel, session: Session
) -> None:
    model.script = [["one ", "two ", "three"], ["three"]]
    shown = type_("/set max_tokens 2\rq\r/continue\r/continue\r")
    assert "(cut off at its limit: /continue writes on)" in shown
    assert "(This answer reached its limit of 2 tokens.)" in shown
    assert model.asked[1].prompt == "<user>q<assistant>one two "
    assert session.path()[-1].content == "one two three"
    assert shown.count("one two") == 1
    assert "nothing to continue" in shown


def test_system_set_and_receipt(type_: Type, model: FakeModel) -> None:
    shown = type_("/system Be brief.\r/set temperature 0\r/set warmth 1\rhi\r/receipt\r/system -\r")
    assert model.asked[0].prompt == "<system>Be brief.<user>hi<assistant>"
    assert model.asked[0].params.temperature == 0
    assert "no sampling parameter 'warmth'" in shown
    assert "temperature 0" in shown
    assert "There is no system prompt." in shown


def test_conversations_are_listed_opened_found_named_and_deleted(
    type_: Type, model: FakeModel, store: Store, session: Session
) -> None:
    model.script = [["about \x1b[0m marmalade"], ["about tea"], ["more"]]
    shown = type_("first\r/new\rsecond\r/list\r/open 2\rgo on\r")
    assert model.asked[2].prompt.startswith("<user>first<assistant>about")
    assert "1*" in shown
    assert "\x1b" not in shown
    shown = type_("/search marmalade\r/rename Jam\r/list\r")
    assert "marmalade" in shown
    assert "Jam" in shown
    type_("/list\r/delete 1\r")
    assert [c.title for c in store.conversations()] == ["second"]
    assert session.conversation is None


def test_save_never_overwrites(type_: Type, model: FakeModel, home: Path) -> None:
    shown = type_("Bonjour, monde\r/save\r/save\r")
    assert Path("bonjour-monde.md").read_text() == (
        "# Bonjour, monde\n\n## You\n\nBonjour, monde\n\n## fake\n\nok\n"
    )
    assert "is there already" in shown
    assert "nothing to save" in type_("/new\r/save x.md\r")
    assert not Path("x.md").exists()


def test_looking_around_leaves_nothing(type_: Type, store: Store) -> None:
    type_("/help\r/list\r/model\r/undo\r/regenerate\r/receipt\r/open 7\r/quit\r")
    assert store.conversations() == []


def test_a_path_is_no_command(type_: Type, model: FakeModel) -> None:
    type_("/etc/hosts is what?\r")
    assert model.asked[0].prompt == "<user>/etc/hosts is what?<assistant>"


def test_every_command_has_a_line_of_help_and_completes(session: Session) -> None:
    completer = loop.Slash(session)
    for name in slash.COMMANDS:
        assert slash.help_of(name).endswith((".", "…"))
        found = completer.get_completions(Document(f"/{name[:2]}"), CompleteEvent())
        assert name in [completion.text for completion in found]
    assert slash.resolved("rec") == "receipt"
    assert slash.resolved("exit") == "quit"


def test_an_interrupted_answer_says_so_when_opened(
    type_: Type, store: Store, session: Session
) -> None:
    conversation = store.create_conversation(title="Cut")
    question = store.append(conversation.id, "user", "q", parent_id=None)
    answer = store.append(conversation.id, "assistant", "", parent_id=question.id, status="partial")
    store.flush(answer.id, "Half an")
    shown = type_("/open 1\r")
    assert "Half an" in shown
    assert "(interrupted)" in shown


CALL = '<tool_call>\n{"name": "calculate", "arguments": {"expression": "6*7"}}\n</tool_call>'


@pytest.fixture
def clerk(home: Path) -> None:
    """A persona with a tool that asks."""
    (home / "personas").mkdir(parents=True, exist_ok=True)
    (home / "personas" / "clerk.toml").write_text(
        'instructions = "You are a clerk."\n'
        '[tools]\nallow = ["calculate"]\nconsent = { calculate = "ask" }\n'
    )


@pytest.mark.usefixtures("clerk")
def test_a_tool_that_asks_is_asked_about(type_: Type, model: FakeModel, session: Session) -> None:
    model.script = [["Hm. ", CALL], ["Forty-two."], [CALL], ["No sum."], [CALL], ["Late."]]
    shown = type_("/persona clerk\rhow much?\ryes\r/receipt\r")
    assert "clerk answers from now on." in shown
    assert "calculate" in shown
    assert "Forty-two." in shown
    assert "generate: model" in shown
    assert "<tool_response>\n6*7 = 42" in model.asked[1].prompt
    assert model.asked[0].prompt.startswith("<system>You are a clerk.")
    shown = type_("again\rno\r")
    assert "does not want this call" in model.asked[3].prompt
    assert "No sum." in shown
    shown = type_("and again\r\r/yes\r")
    assert "Nothing was done" in shown
    assert "Late." in shown
    assert session.path()[-1].content == "Late."


@pytest.mark.usefixtures("clerk")
def test_personas_are_listed_and_left(type_: Type, model: FakeModel, session: Session) -> None:
    shown = type_("/persona\r/persona clark\r/persona clerk\r/persona\r/persona -\rhi\r")
    assert "no persona 'clark'. Near: clerk" in shown
    assert "* clerk" in shown
    assert model.asked[0].prompt == "<user>hi<assistant>"
    completer = loop.Slash(session)
    found = completer.get_completions(Document("/persona cl"), CompleteEvent())
    assert [each.text for each in found] == ["clerk"]


def test_a_file_that_is_not_there_is_a_line(type_: Type, model: FakeModel) -> None:
    shown = type_("/attach\r/attach none.txt\r")
    assert "This conversation has no file yet: /attach FILE." in shown
    assert "There is no file 'none.txt'." in shown
