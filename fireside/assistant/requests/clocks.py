"""The clock and dates: what time it is, here or elsewhere, which day a date is, how far away."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final

from fireside.assistant.requests.figures import OF_MINE
from fireside.assistant.requests.plan import Plan, ask, call
from fireside.assistant.requests.times import timed
from fireside.errors import BadRequest
from fireside.language.dates.reader import day_phrases
from fireside.tools.clock import zone_of

_PLACE: Final = re.compile(
    r"\b(?:time|hour|late|early|clock|o['’]?clock|now|morning|evening|night|"
    r"there)\b.{0,80}?\b(?:in|at|over in|for) (?P<place>[A-Z][\w .'-]{1,40}|"
    r"[a-z][\w '-]{1,30}) ?(?:now|right now|at the moment|please|,.{0,80}|$)",
    re.I,
)
_CLOCK: Final = re.compile(
    r"(?:time|clock|hour)[ ?!.]{0,6}|.{0,80}\b(?:what(?:['’]s| is| s)?(?: the)? (?:current |"
    r"local |exact )?(?:time|hour)(?: is it| it is)?|the (?:current |local )?time|which hour|"
    r"what hour|how late|"
    r"local time|current time|time (?:is it|now)|got the time|have the time|must be late in|"
    r"is it late)\b.{0,80}|(?:local |current )?time (?:in|at) .{1,80}",
    re.I | re.S,
)
_NOT_CLOCK: Final = re.compile(
    r"\b(?:my|first|next|last|meeting|appointment|free|spare|dinner|lunch|start|does|should|when|"
    r"train|flight|shop|game|match|"
    r"another|open|sun(?:rise|set)|minutes|hours)\b",
    re.I,
)
_DATE: Final = re.compile(
    r"^is (?:it|that|the .{1,30}) an? (?:mon|tues|wednes|thurs|fri|satur|sun)day\b|"
    r"\b(?:(?:what|which)(?:['’]s| is| will be)? ?(?:the )?(?:date|day|weekday)|(?:on|"
    r"in) (?:what|which) (?:week)?day|date of|"
    r"day of (?:the )?week|weekday|(?:how many|number of|count the) (?:days|weeks|sleeps|nights)|"
    r"(?:days|sleeps) (?:until|till|to|left|from|between)|"
    r"how (?:long|soon|far)\b.{0,80}?\b(?:until|till|to|is|away|off|before)|the date\b|"
    r"what['’]s .{2,30}['’]s date|today['’]s date|what date|counted in days)",
    re.I,
)


def clock_or_date(text: str, now: datetime) -> Plan | None:
    """text: as it is understood, without politeness."""
    return clock(text) or date(text, now)


def clock(text: str) -> Plan | None:
    if _CLOCK.fullmatch(text) is None or _NOT_CLOCK.search(text):
        return None
    found = _PLACE.search(text)
    if found is None:
        return call("date_time", when="now")
    place = re.sub(
        r"^(?:the|over) |[\s,.?!]{1,40}$| (?:now|please|over there).{0,80}$", "", found["place"]
    )
    try:
        zone_of(place)
    except BadRequest:
        if re.fullmatch(r"the moment|moment|all|home|here|my .*", place, re.I):
            return call("date_time", when="now")
        return ask("clock", f"I do not know the time zone of {place}. Which large city is near it?")
    return call("date_time", when="now", place=place)


def date(text: str, now: datetime) -> Plan | None:
    if _DATE.search(text) is None or OF_MINE.search(text):
        return None
    between = re.search(
        r"\b(?:from|between)\b(?P<since>.{1,80}?)\b(?:to|until|till|and)\b(?P<when>.{1,80})",
        text,
        re.I,
    )
    if between is not None:
        since, when = timed(between["since"], now), timed(between["when"], now)
        if since.moment is not None and when.moment is not None:
            return call("date_time", when=when.words, since=since.words)
        return None
    named = timed(text, now)
    if named.several or (named.moment is None and named.has_day):
        return None
    if named.moment is None:
        if re.fullmatch(
            r".{0,80}\b(?:date|day|weekday)\b(?: is)?(?: it| today| we have){0,2}[ ?!.]{0,6}",
            text,
            re.I,
        ):
            return call("date_time", when="today")
        if day_phrases(text, now.date()) or not re.search(
            r"\b(?:date|day|days|weekday)\b", text, re.I
        ):
            return None
        return ask("date", "Which day do you mean?")
    return call("date_time", when=named.words)
