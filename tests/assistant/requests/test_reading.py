"""Requests that rules read: what each ends in, what they leave alone, and no wrong action."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks import secretary as bench
from fireside.assistant.requests import plan
from fireside.assistant.requests.guard import NO_SUCH_TIME, UNCLEAR, Guard
from fireside.assistant.requests.lines import PlainLines
from fireside.assistant.requests.messages import People
from fireside.assistant.requests.reading import LONGEST, read
from fireside.assistant.requests.spelling import spelled
from fireside.messages import Message, ToolCall
from fireside.tools.config import Contact
from tests.script_modules import ROOT

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)  # a Monday
SETS = ("secretary.txt", "secretary_unseen.txt", "secretary_last.txt", "secretary_fresh.txt")
PEOPLE = People(
    {
        "Ana": Contact(phone="+4930123456", email="ana@example.org"),
        "Priya": Contact(phone="+4930123457", email="priya@example.org"),
        "Tom": Contact(phone="+4930123458", email="tom@example.org"),
        "Mr Okafor": Contact(email="okafor@example.org"),
    }
)


def plan_of(text: str, *before: str, people: People = PEOPLE) -> Any:
    """The calls, or the reply; None where the rules are not sure."""
    roles = ("user", "assistant")
    history = [Message(role=roles[n % 2], content=each) for n, each in enumerate(before)]  # type: ignore[arg-type]
    found = read(text, NOW, people, history)
    if found is None:
        return None
    return [(each.name, dict(each.arguments)) for each in found.calls] or found.reply


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("What do I have tomorrow?", "calendar_list", {"when": "tomorrow"}),
        (
            "Add a dentist appointment tomorrow at 3pm", "calendar_add",
            {"title": "dentist appointment", "when": "tomorrow at 3pm"},
        ),
        ("17% of 240", "calculate", {"expression": "17% of 240"}),
        (
            "Send Ana a message that I will be late", "send_sms",
            {"to": "Ana", "text": "I will be late"},
        ),
        ("barber to 4pm", "calendar_move", {"title": "barber", "to": "4pm"}),
        ("am I free on Friday morning?", "calendar_free", {"when": "Friday morning"}),
        ("how far is 12 km in miles", "convert",
         {"amount": 12, "unit_from": "km", "unit_to": "miles"}),
        ("whats the time in Lima", "date_time", {"when": "now", "place": "Lima"}),
        ("days til 3 March", "date_time", {"when": "3 March"}),
        (
            "mail priya: the lift is broken", "send_email",
            {"to": "Priya", "subject": "the lift is broken", "text": "the lift is broken"},
        ),
        ("choir at nine tomorrow morning", "calendar_add",
         {"title": "choir", "when": "at 9 tomorrow morning"}),
        (
            "Block 45 minutes for the tax papers on Friday at 10", "calendar_add",
            {"title": "tax papers", "when": "Friday at 10", "minutes": 45},
        ),
    ],
)  # fmt: skip
def test_a_plain_request_is_a_call(text: str, name: str, arguments: dict[str, Any]) -> None:
    assert plan_of(text) == [(name, arguments)]


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("Add an appointment", plan.NOTHING),
        ("Add lunch with Ana", plan.NO_TIME),
        ("Send a message", plan.NO_PERSON),
        ("Text Tom", plan.NO_TEXT),
        ("Send Ana a message", plan.NO_TEXT),
        ("Move the dentist", plan.NO_NEW_TIME),
        ("Move my appointment to Friday", plan.NO_EVENT),
        ("Order a pizza", plan.ONLY),
        ("Who won the world cup in 1998?", plan.ONLY),
        ("Tell Wilhelm that I am late", "I have no phone number of Wilhelm. What is it?"),
    ],
)
def test_what_is_missing_is_asked_and_what_cannot_be_is_said(text: str, reply: str) -> None:
    assert plan_of(text) == reply


@pytest.mark.parametrize(
    ("before", "answer", "call"),
    [
        (
            ("Add choir", plan.NO_TIME), "Friday at 8",
            ("calendar_add", {"title": "choir", "when": "Friday at 8"}),
        ),
        (
            ("Add an appointment", plan.NOTHING), "dentist on Friday at 9",
            ("calendar_add", {"title": "dentist", "when": "Friday at 9"}),
        ),
        (
            ("Send Ana a message", plan.NO_TEXT), "I will be late",
            ("send_sms", {"to": "Ana", "text": "I will be late"}),
        ),
        (
            ("Text Tom", plan.NO_TEXT), "the bus is late",
            ("send_sms", {"to": "Tom", "text": "the bus is late"}),
        ),
        (
            ("Send an SMS saying I am here", plan.NO_PERSON), "Ana",
            ("send_sms", {"to": "Ana", "text": "I am here"}),
        ),
        (
            ("Tell Wilhelm that I am late", "I have no phone number of Wilhelm. What is it?"),
            "+49 170 555", ("send_sms", {"to": "+49170555", "text": "I am late"}),
        ),
    ],
)  # fmt: skip
def test_an_answer_is_read_with_its_request(
    before: tuple[str, ...], answer: str, call: tuple[str, Any]
) -> None:
    assert plan_of(answer, *before) == [call]


@pytest.mark.parametrize(
    "text",
    [
        "The dentist isn't on Friday at 10, it was put off",
        "Do not add choir on Friday at 8",
        "Could you take swimming off on Tuesday?",
        "no wait, at 8",
        "can choir be at 9 tomorrow",
        "I said choir on Monday or on Tuesday at 5",
        "My cat is ill and I am sad about it",
        "x" * (LONGEST + 1),
    ],
)
def test_what_is_not_plain_is_left_alone(text: str) -> None:
    assert plan_of(text) is None


def test_only_words_that_decide_are_mended() -> None:
    found = spelled("tel Ana teh concert on wendsday, tmrw's 2day")
    assert found.text == "tell Ana the concert on wednesday, tomorrow's today"
    at = found.text.index("concert")
    assert found.as_written(at, len(found.text)) == "concert on wendsday, tmrw's 2day"


def test_no_request_of_the_benchmark_becomes_a_wrong_action() -> None:
    counts = {}
    for name in SETS:
        asked = list(bench.read(ROOT / "benchmarks" / name))
        right = 0
        for each in asked:
            found = read(each.text, NOW, PEOPLE, [])
            if found is None:
                continue
            calls = [(call.name, dict(call.arguments)) for call in found.calls]
            answer = bench.Answered(text=found.reply, calls=calls, sent=0, by="rules")
            fits = bench.is_right(each, answer)
            assert fits or not any(call in bench.ACTS for call, _ in calls), each.text
            right += fits
        counts[name] = right / len(asked)
    assert counts["secretary.txt"] >= 0.9
    assert counts["secretary_unseen.txt"] >= 0.6


def test_the_longest_request_takes_no_time() -> None:
    began = time.process_time()
    for piece in ("add lunch ", "tell Ana that ", "on Friday at 3 ", ", and ", "1 + ", "a ", " | "):
        read((piece * LONGEST)[:LONGEST], NOW, PEOPLE, [])
    assert time.process_time() - began < 20


CALLS = [
    ("put choir in for Friday at 8", "calendar_add", {"title": "choir", "when": "Friday at 8"}),
    ("it moved, choir is Friday", "calendar_move", {"title": "choir", "to": "Friday"}),
    ("ping tom about it: late", "send_sms", {"to": "Tom", "text": "late"}),
    ("how much, 12 of those and 5", "calculate", {"expression": "12 * 5"}),
    ("two weeks from now, what date", "date_time", {"when": "in two weeks"}),
]


@pytest.mark.parametrize(
    ("text", "name", "given"),
    [
        ("put choir in for Friday at 8", "calendar_add", {"title": "choir", "when": "Friday at 9"}),
        ("put choir in for Friday", "calendar_add", {"title": "dinner", "when": "Friday"}),
        ("put choir in", "calendar_add", {"title": "choir", "when": "tomorrow"}),
        ("choir is not on Friday", "calendar_move", {"title": "choir", "to": "Friday"}),
        ("choir not on Monday but on Friday", "calendar_move", {"title": "choir", "to": "Monday"}),
        ("when is choir on Friday", "calendar_add", {"title": "choir", "when": "Friday"}),
        ("say hi to tom", "send_sms", {"to": "Ana", "text": "hi"}),
        ("Tom is ill today", "send_sms", {"to": "Tom", "text": "ill today"}),
        ("say hi to tom", "send_sms", {"to": "Tom", "text": "I love you"}),
        ("say hi to Wilhelm", "send_sms", {"to": "Wilhelm", "text": "hi"}),
        ("12 and 5", "calculate", {"expression": "12 * 50"}),
        ("choir for 30 minutes on Friday at 8", "calendar_add",
         {"title": "choir", "when": "Friday at 8", "minutes": 60}),
    ],
)  # fmt: skip
def test_a_call_with_what_nobody_said_becomes_a_question(
    text: str, name: str, given: dict[str, Any]
) -> None:
    guard = Guard([text], NOW, PEOPLE)
    refusal = guard.refusal(name, given)
    assert refusal is not None
    assert refusal.endswith("?")


@pytest.mark.parametrize(("text", "name", "given"), CALLS[:3])
def test_a_call_that_was_said_runs(text: str, name: str, given: dict[str, Any]) -> None:
    assert Guard([text], NOW, PEOPLE).refusal(name, given) is None


def test_calls_are_checked_together() -> None:
    guard = Guard(["choir on Friday"], NOW, PEOPLE)
    one = ToolCall(id="a", name="calendar_add", arguments='{"title": "choir", "when": "Friday"}')
    assert guard.check([one]) is None
    assert guard.check([one, one]) == UNCLEAR
    assert guard.check([]) == UNCLEAR
    cut = ToolCall(id="a", name="calendar_add", arguments='{"title": "choir"')
    assert guard.check([cut]) == UNCLEAR
    assert guard.refusal("calendar_add", {"title": "choir", "when": "Monday"}) == NO_SUCH_TIME


def test_the_model_says_nothing_but_its_lines() -> None:
    free = PlainLines(UNCLEAR)
    assert free.feed("Your dreams.") == ""
    assert free.finish() == UNCLEAR
    assert free.feed("Added: choir") == "Added: choir"  # of a tool
    known = PlainLines(UNCLEAR)
    known.feed(f"{plan.NO_TIME}\n")
    assert known.finish() == plan.NO_TIME


def test_the_recipe_shares_no_wording_with_the_benchmark() -> None:
    """No request of three words or more is a training template."""
    asking = Path(ROOT / "examples/recipes/secretary")
    learned = " ".join(
        (asking / name).read_text("utf-8").lower() for name in ("phrases.toml", "wordings.toml")
    )
    for name in SETS:
        for each in bench.read(ROOT / "benchmarks" / name):
            long = len(each.text.split()) > 2
            assert not (long and f'"{each.text.lower()}"' in learned), each.text
