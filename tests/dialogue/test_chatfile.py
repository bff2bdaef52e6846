"""Conversation tests as text: what is read, and what is told of mistakes."""

from __future__ import annotations

import contextlib
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fireside.assistant.rehearsal import Counterparts, check_names
from fireside.dialogue.chatfile import parse, read
from fireside.dialogue.config import DialogueConfig
from fireside.errors import BadRequest, NotFound

HERE = Path("x.chat")


def test_all_there_is() -> None:
    file = parse(
        "# a comment\npersona: desk\ntoday: 2026-11-22\n\n"
        "conversation: first\nuser: Hello: you\nexpect: hi there\nexpect: not contains 'bye'\n"
        "expect: /^h.llo$/\nexpect: order = AB-1\nexpect: act greet\nexpect: not handed_over\n"
        "conversation:\nuser: again\n",
        HERE,
    )
    assert (file.persona, file.today) == ("desk", date(2026, 11, 22))
    first, second = file.scripts
    assert (first.name, second.name, second.line) == ("first", "line 13", 13)
    turn = first.turns[0]
    assert (turn.text, turn.line) == ("Hello: you", 6)
    got = [(e.kind, e.slot, e.value, e.negated, e.line) for e in turn.expectations]
    assert got == [
        ("contains", "", "hi there", False, 7),
        ("contains", "", "bye", True, 8),
        ("regex", "", "^h.llo$", False, 9),
        ("slot", "order", "AB-1", False, 10),
        ("act", "", "greet", False, 11),
        ("handed_over", "", "", True, 12),
    ]


def test_a_byte_order_mark_is_no_word(tmp_path: Path) -> None:
    (tmp_path / "a.chat").write_bytes(b"\xef\xbb\xbfuser: a\n")
    assert read(tmp_path / "a.chat").scripts[0].turns[0].text == "a"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("user: a\nexpekt: b", 2, "did you mean 'expect:'"),
        ("user: a\nhello", 2, "lines begin with"),
        ("expect: a", 1, "needs a 'user:' line"),
        ("user: a\nexpect: /(/", 2, "no regular expression"),
        ("user: a\nexpect: /x", 2, "no regular expression"),
        ("user: a\nexpect: contain b", 2, "'contains'"),
        ("user: a\nexpect: handedover", 2, "'handed_over'"),
        ("user: a\nexpect: asks", 2, "needs to say what"),
        ("user: a\nexpect:", 2, "says nothing"),
        ("user:", 1, "says nothing"),
        ("today: soon\nuser: a", 1, "no day such as"),
        ("user: a\npersona: b", 2, "top of the file"),
        ("conversation: a\nvary: w = a | b\nconversation: b\nuser: c", 2, "needs a 'user:' line"),
        ("user: a\nconversation: a\nvary: w = a | b", 3, "needs a 'user:' line below it"),
        ("# nothing", None, "holds no conversation"),
    ],
)
def test_mistakes_have_their_line(text: str, line: int | None, says: str) -> None:
    with pytest.raises(BadRequest, match=says) as told:
        parse(text, HERE)
    assert "\n" not in str(told.value)
    if line is not None:
        assert f"line {line}:" in str(told.value)


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ("ordr = 1", "did you mean 'order'"),
        ("intent refnd", "did you mean 'refund'"),
        ("asks ordre", "did you mean 'order'"),
        ("act shout", "there are inform"),
    ],
)
def test_names_that_the_persona_lacks_are_told_before_anything_runs(
    desk: DialogueConfig, expected: str, says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        check_names(parse(f"user: a\nexpect: {expected}", HERE), desk)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    with contextlib.suppress(BadRequest):
        assert parse(text, HERE).scripts


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        read(tmp_path / "none.chat")
    (tmp_path / "latin.chat").write_bytes(b"user: \xe4")
    with pytest.raises(BadRequest, match="UTF-8"):
        read(tmp_path / "latin.chat")


VARIED = """persona: desk
conversation: late
vary: person = Ana | Bo | Ana |
user: I am {person}, {other}
expect: alike
user: bye
expect: alike 0.1
conversation: another
user: {person}
expect: hello
"""


def test_a_conversation_for_each_value() -> None:
    ana, bo, another = parse(VARIED, HERE).scripts
    assert [ana.variant, bo.variant, another.variant] == ["Ana", "Bo", None]
    assert ana.name == "late (person = Ana)"
    assert ana.line == bo.line == 2
    assert [said.text for said in bo.turns] == ["I am Bo, {other}", "bye"]
    assert [each.value for said in bo.turns for each in said.expectations] == ["0.4", "0.1"]
    assert another.turns[0].text == "{person}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vary: Ana | Bo", "line 1: write 'vary: person = Emily | Jamal', two values or more"),
        ("vary: person = Ana", "line 1: write 'vary:"),
        ("user: a\nvary: p = a | b", "line 2: one 'vary:' stands before"),
        ("vary: p = a | b\nvary: p = c | d", "line 2: one 'vary:' stands before"),
        ("user: a\nexpect: alike", "line 2: 'alike' needs a 'vary:' line"),
        ("vary: p = a | b\nuser: a\nexpect: alike much", "line 3: 'alike much' needs a number"),
    ],
)
def test_what_varies_nothing(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse(text, HERE)
    assert said in caught.value.message


def test_counterparts_are_heard_alike() -> None:
    moods = {"fine": 0.5, "good": 0.6, "no": -0.5}
    each = parse(VARIED, HERE).scripts[0].turns[0].expectations[0]
    counterparts = Counterparts(moods.__getitem__)
    assert counterparts.objection(each, "Ana", "fine") is None
    assert counterparts.objection(each, "Bo", "good") is None
    said = counterparts.objection(each, "Cy", "no")
    assert said == "mood -0.50 for Cy, +0.50 for Ana"
