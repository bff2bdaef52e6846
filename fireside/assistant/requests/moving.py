"""Requests to move an event: which, and to what time.

A request to move that is not understood whole is left alone: it is never one to add.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fireside.assistant.requests.phrases import (
    ADDS,
    ASKS,
    CLAUSE,
    is_generic,
    is_title,
    without_politeness,
)
from fireside.assistant.requests.plan import NO_EVENT, NO_NEW_TIME, Plan, ask, call
from fireside.assistant.requests.times import Timed, timed, without

_MOVE: Final = (
    r"(?:move|reschedule|shift|postpone|push(?: back)?|bring(?: forward)?|change|put off|delay|"
    r"switch|"
    r"transfer|rearrange|drag|set|update)"
)
_MOVED: Final = (
    r"(?:moved|rescheduled|shifted|postponed|pushed(?: back)?|changed|put off|delayed|"
    r"brought forward|switched)"
)
_PART: Final = r"(?:the )?(?:time|hour|date|day) (?:of|for)"
_MOVE_IT: Final = re.compile(
    rf"^(?:{_MOVE}) (?:{_PART} )?(?P<title>[^|]{{0,80}}?)(?:,)? ?(?:\bfrom \| ?)?(?:\b(?:back|"
    rf"forward|over|instead))? ?"
    r"(?:\b(?:to|until|till|for|on|at|"
    r"so that it is))? ?(?:the )?(?P<when>\|[ |]{0,6})(?:instead)?[\s.?!]{0,6}$",
    re.I,
)
_MOVE_PASSIVE: Final = re.compile(
    rf"^(?P<title>[^|]{{0,80}}?) (?:(?:has|have|had|must|should|needs|need|ought|could|can|will|"
    rf"shall|got|was|is|were|be|been|to|just|now) )+{_MOVED} ?"
    r"(?:(?:back|forward) ?)?(?:to|until|till|for|on)? ?(?P<when>\|[ |]{0,6})(?:,? ?(?:change|"
    r"fix|update) it)?[\s.?!]{0,6}$",
    re.I,
)
_MOVE_BARE: Final = re.compile(
    r"^(?P<title>[^|,]{2,40}?),? (?:to|is now|now|(?:does not|doesn['’]?t) (?:suit|"
    r"work)(?: for)?(?: me)?,|should be|would be better) (?P<when>\|[ |]{0,6})"
    r"(?:instead|would be better|is better|works better|would suit me better|"
    r",? ?update(?: it)?)?[.?!]{0,2} ?(?:update[.!]?)?$",
    re.I,
)
_MOVE_ALONE: Final = re.compile(
    rf"^(?:{_MOVE}) (?P<title>[^|]{{1,80}}?)[\s.?!]{{0,6}}$|"
    rf"^(?P<passive>[^|]{{1,80}}?) (?:has to|must|needs to|should|ought to) be (?:{_MOVED}|"
    rf"at another time)[\s.?!]{{0,6}}$",
    re.I,
)
MOVES: Final = re.compile(
    r"\b(?:move|moving|reschedul\w{0,4}|shift|shifting|postpone|push|bring|change|changed|"
    r"put off|delay|switch|transfer|rearrange|moved|postponed|cancel\w{0,4}|instead)\b",
    re.I,
)
_MOVE_SHIFTED: Final = re.compile(rf"^{_MOVE.replace('|set', '').replace('|update', '')}\b", re.I)


def moved(text: str, named: Timed, now: datetime, given: Mapping[str, str]) -> Plan | None:
    hour = re.search(
        r"\b(?:to|for) (\d{1,2}|one|two|three|four|five|six|seven|eight|nine|ten|eleven|"
        r"twelve)[\s.?!]{0,6}$",
        text,
        re.I,
    )
    if hour is not None and _MOVE_SHIFTED.match(text) and not named.has_hour:
        text = f"{text[: hour.start()]} to at {hour[1]}"
        named = timed(text, now)
    bars = " ".join((without(text, named.stretches)).split())
    found = _MOVE_IT.match(bars) or _MOVE_PASSIVE.match(bars) or _bare_move(bars)
    if found is not None:
        title = given.get("title") or _event_title(found["title"])
        if named.several and "from |" in bars:
            last = named.stretches[-1:]
            piece = timed(text[last[0].start :], now)
            named = piece if piece.moment is not None else named
        if not title or is_generic(title):
            return ask("calendar_move", NO_EVENT)
        if not is_title(title) or named.moment is None:
            return None
        return call("calendar_move", title=title, to=named.words)
    alone = None if named.stretches else _MOVE_ALONE.match(bars)
    if alone is None or (not alone["passive"] and not _MOVE_SHIFTED.match(bars)):
        return None
    title = _event_title(alone["title"] or alone["passive"])
    if not title or is_generic(title):
        return ask("calendar_move", NO_EVENT)
    if not is_title(title):
        return None
    if given.get("time") and (moment := timed(given["time"], now)).moment is not None:
        return call("calendar_move", title=title, to=moment.words)
    return ask("calendar_move", NO_NEW_TIME)


_INSTEAD: Final = re.compile(r"^(?P<title>[^|]{2,40}?),? (?P<when>\|[ |]{0,6})instead[.?!]?$", re.I)


def _bare_move(bars: str) -> re.Match[str] | None:
    """ "dentist to 4pm", "the board meeting is now Thursday": few words, none of them a request."""
    found = _MOVE_BARE.match(bars) or _INSTEAD.match(bars)
    if found is None or len(found["title"].split()) > 4 or CLAUSE.search(found["title"]):
        return None
    return None if ADDS.search(found["title"]) or ASKS.match(bars) else found


def _event_title(text: str) -> str:
    title = re.sub(
        r"^(?:could|can|should|must|may|might|would|will) (?=the |my |our )",
        "",
        without_politeness(text),
        flags=re.I,
    )
    title = re.sub(r"^(?:my|the|our|an?|this|that) ", "", title, flags=re.I)
    title = re.sub(rf"^{_PART} (?:my |the |our )?", "", title, flags=re.I)
    return re.sub(r" (?:thing|one|from)$", "", title, flags=re.I).strip(" ,")
