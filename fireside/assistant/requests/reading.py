"""A request -> what is to be done, or None where the rules are not sure.

    read("Add a dentist appointment tomorrow at 3pm", now, People({}), [])
    -> Plan(calls=(Call(name="calendar_add", arguments={"title": "dentist appointment", ...}),))

Where the assistant asked for what was missing, the answer is read together with the request.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from fireside.assistant.requests import plan as lines
from fireside.assistant.requests.clocks import clock_or_date
from fireside.assistant.requests.events import SMS_TOO, events
from fireside.assistant.requests.figures import figures
from fireside.assistant.requests.messages import People, channel, message, plan_of
from fireside.assistant.requests.phrases import without_politeness
from fireside.assistant.requests.plan import Plan
from fireside.assistant.requests.spelling import Spelled, spelled
from fireside.assistant.requests.talk import outside, talk
from fireside.assistant.requests.times import timed
from fireside.messages import Message

_CUT: Final = re.compile(
    r"[.!?;:] |, ?(?:(?:and|but|so|anyway|well|basically|in the end)\b[\s,]{0,6}){0,3}|\s(?:and|"
    r"but|"
    r"so)\s(?=(?:she|he|they|could|can|please|what|when|tell|text|put|add)\b)"
)
_BEGINS: Final = re.compile(
    r"(?:add|put|book|schedule|enter|create|note|set up|save|block|reserve|write|jot|remember|"
    r"remind|move|reschedule|shift|postpone|"
    r"push|change|there(?:['’]s| is)|i have|i['’]ve|the .{1,80} (?:has|was|"
    r"is) (?:been )?(?:moved|put off))\b",
    re.I,
)
_TELLS: Final = frozenset(
    {"tell", "let", "inform", "notify", "write", "send", "shoot", "drop", "message"}
)
LONGEST: Final = 600
"""Letters of a request that rules read: what is longer is no plain request."""
_GIVEN: Final = {
    lines.NO_TIME: "time", lines.NO_TITLE: "title", lines.NOTHING: "all", lines.NO_TEXT: "text",
    lines.NO_PERSON: "person", lines.NO_NEW_TIME: "time", lines.NO_EVENT: "title",
    lines.NO_DAY: "time", "At what hour?": "time",
}  # fmt: skip


def read(text: str, now: datetime, people: People, history: Sequence[Message]) -> Plan | None:
    """now: as the person's clock shows it.  history: what was said before."""
    if len(text) > LONGEST or not text.strip():
        return None
    asked = _open_question(history)
    if asked is not None:
        question, before = asked
        joined = _joined(before, question, text, now, people)
        if joined is not None:
            return joined
    return _read(text, now, people, {})


def _open_question(history: Sequence[Message]) -> tuple[str, str] | None:
    """The question that is open, and the request that it was about."""
    if len(history) < 2 or history[-1].role != "assistant" or history[-2].role != "user":
        return None
    question = history[-1].content.strip()
    known = question in _GIVEN or question.endswith("What is it?")
    return (question, history[-2].content) if known else None


def _joined(before: str, question: str, answer: str, now: datetime, people: People) -> Plan | None:
    kind = _GIVEN.get(question, "address")
    said = answer.strip().rstrip(".!")
    if talk(without_politeness(said)) is not None or re.search(r"[?]$", answer.strip()):
        return None
    if kind == "all":
        return _read(f"add {said}", now, people, {})
    if kind == "time":
        made = _read(f"{before.rstrip('.!? ')} {said}", now, people, {"time": said})
        return made or _read(f"{before.rstrip('.!? ')} to {said}", now, people, {})
    if kind == "text":
        return _read(before, now, people, {kind: said}) or _read(
            f"{before.rstrip('.!? ')}: {said}", now, people, {}
        )
    if kind == "address":
        said = said.split()[-1] if "@" in said else re.sub(r"[^\d+]", "", said)
    return _read(before, now, people, {kind: said})


def _read(text: str, now: datetime, people: People, given: dict[str, str]) -> Plan | None:
    request = spelled(text)
    whole = request.text
    if not given and (found := talk(whole.strip())) is not None:
        return found
    core = without_politeness(whole)
    start = _place(core, whole)
    if not core or start < 0:
        return None
    if not given and (found := talk(core)) is not None:
        return found
    found = _of_the_whole(request, core, start, now, people, given)
    if found is not None or given:
        return found
    return _of_a_clause(request, now, people)


def _place(core: str, whole: str) -> int:
    """Where it stands; its first word may have been mended ("sending" is "send")."""
    first = re.match(r"\S*", core)
    cut = first.end() if first else 0
    return whole.find(core) if core in whole else max(0, whole.find(core[cut:]) - cut)


def _of_the_whole(
    request: Spelled, core: str, start: int, now: datetime, people: People, given: dict[str, str]
) -> Plan | None:
    return (
        _told_too(core, now, people)
        or message(request, core, start, people, given)
        or figures(core, now)
        or outside(core)
        or clock_or_date(core, now)
        or events(core, now, given)
    )


def _told_too(core: str, now: datetime, people: People) -> Plan | None:
    """ "Lunch with Ana on Friday at 1, and text her": the event, and then a message about it."""
    too = SMS_TOO.search(core)
    if too is None:
        return None
    event = events(core[: too.start()], now, {})
    if event is None or len(event.calls) != 1:
        return None
    (first,) = event.calls
    if first.name not in ("calendar_add", "calendar_move"):
        return None
    title = str(first.arguments["title"])
    person = re.search(r"\b(?:with|and) (.{1,80})$", title)
    if person is None:
        return None
    short = title[: person.start()].strip() or title
    when = str(first.arguments.get("when") or first.arguments["to"])
    moved = " moved to" if first.name == "calendar_move" else ""
    text = f"{short[0].upper()}{short[1:]}{moved} {when}."
    by = channel(too["kind"], too["by"], None if too["verb"].lower() in _TELLS else too["verb"])
    told = plan_of(people.call_name(person[1]), by, text, short, people, "")
    return Plan(kind="event and message", calls=(first, *told.calls)) if told.calls else told


def _of_a_clause(request: Spelled, now: datetime, people: People) -> Plan | None:
    """What a long story comes to: the request that its last sentences or clauses are.

    An event is taken only with a day of its own, where the story before it names one.
    """
    whole = request.text
    for cut in _CUT.finditer(whole):
        rest = whole[cut.end() :]
        core = without_politeness(rest)
        if len(core.split()) < 3:
            continue
        start = cut.end() + _place(core, rest)
        found = _of_the_whole(request, core, start, now, people, {})
        if found is None or found.kind == "outside":
            continue
        acts = any(each.name in ("calendar_add", "calendar_move") for each in found.calls)
        if acts and timed(whole[: cut.start()], now).has_day and not timed(core, now).has_day:
            return None
        if (
            found.reply in (lines.NOTHING, lines.NO_TITLE, lines.NO_TIME)
            and timed(whole[: cut.start()], now).stretches
        ):
            return None  # "they want me on Friday, make a note of it"
        if acts and not _BEGINS.match(core):
            continue
        return found
    return None
