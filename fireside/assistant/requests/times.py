"""The time that a request names, taken out of the sentence around it.

    timed(spelled("put the vet in for Thursday at four"), now).words  -> "Thursday at 4"

Days are those of `fireside.language.dates`, hours those of `language/moments.py`, which the tool
itself reads again.  Two days, or an hour that nobody can read, are no time: that is a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from fireside.errors import BadRequest
from fireside.language.dates.reader import day_phrases
from fireside.language.moments import Moment, read_moment
from fireside.language.numbers import UNITS

_NUMBERS: Final = {word: number for word, number in UNITS.items() if 1 <= number <= 12}
_COUNT: Final = {**_NUMBERS, "a": 1, "an": 1, "fifteen": 15, "twenty": 20, "thirty": 30,
                 "forty": 40, "forty-five": 45, "sixty": 60, "ninety": 90}  # fmt: skip
_H: Final = rf"(?:\d{{1,2}}|{'|'.join(_NUMBERS)})"
_HALF: Final = r"(?: ?[ap]\.?m\b\.?)"
_CLOCK: Final = rf"{_H}(?:[:.]\d{{2}}|\s[0-5]\d(?={_HALF}))?(?:{_HALF}| ?o['’]?clock|h\b)?"
_PART: Final = (
    r"(?:(?:in the |this |at |during the )?(?:morning|afternoon|evening|lunchtime|night)|tonight)"
)
_END: Final = (
    r"(?![\w%]|[.,:]\d| ?(?:minutes|hours?|days|weeks|euros?|dollars|people|persons|percent|km|"
    r"kg|miles))"
)
_HOURS: Final = re.compile(
    rf"\b(?:"
    rf"(?:from|between) {_CLOCK} ?(?:to|until|till|and|-|–) ?{_CLOCK}{_END}"
    rf"|(?:at |from )?{_H}[:.]\d{{2}}{_HALF}? ?(?:-|–|to|until|till) ?{_H}[:.]\d{{2}}{_HALF}?{_END}"
    rf"|(?:at |from )?{_H}{_HALF}? ?(?:-|–|to|until|till) ?{_H}{_HALF}{_END}"
    rf"|(?:at |around |about |by )?(?:half past|quarter past|a quarter past|quarter to|"
    rf"a quarter to) {_H}{_HALF}?{_END}"
    rf"|at {_H} hours?\b|(?:at|around|about|by) {_CLOCK}{_END}"
    rf"|\d{{1,2}}:\d{{2}}{_HALF}?{_END}|\d{{1,2}}(?:[.\s]\d{{2}})?{_HALF}{_END}"
    rf"|{_H} o['’]?clock\b|{_H}(?= in the (?:morning|afternoon|evening)\b)"
    rf"|(?:at )?(?:noon|midday|midnight)\b"
    rf"|in (?:half an|an?|\d{{1,3}}|{'|'.join(_NUMBERS)}) (?:hours?|minutes)\b"
    rf"|{_PART}\b)",
    re.I,
)
_DURATION: Final = re.compile(
    rf"\b(?:(?:for|lasting|it takes|takes|it lasts|lasts|block(?: me)?|about|which takes|taking) )?"
    rf"(?:(?P<half>half (?:an )?hour)|(?P<n>\d{{1,3}}|"
    rf"{'|'.join(sorted(_COUNT, key=len, reverse=True))})"
    rf"(?:[ -](?P<free>free|spare))?[ -]?(?P<unit>minutes?|hours?|h\b)(?P<more> and a half)?)"
    r"(?: long)?(?! (?:ago|later|late|early|away|before|after|from|until|till|in|to|is|are)\b)\b",
    re.I,
)
_DAY_NAMES: Final = (
    (re.compile(r"\bchristmas eve\b", re.I), "24 December"),
    (re.compile(r"\bchristmas(?: day)?\b(?! (?:party|dinner|lunch|do|cards?|presents?))", re.I),
     "25 December"),
    (re.compile(r"\bnew year['’]?s eve\b", re.I), "31 December"),
    (re.compile(r"\bnew year['’]?s day\b", re.I), "1 January"),
    (re.compile(r"\b(?:my|the) week(?:end)?\b(?! (?:after|before|of|end))", re.I), ""),
)  # fmt: skip
_CUES: Final = frozenset({"until", "till", "for", "from", "since", "to", "by"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    start: int
    end: int
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """words: as the tools read them.  stretches: where they stand in the request.  several: two
    days or two hours are named, so nobody can tell which is meant."""

    words: str
    stretches: tuple[Stretch, ...]
    moment: Moment | None
    has_day: bool
    has_hour: bool
    several: bool


def timed(text: str, now: datetime) -> Timed:
    """text: as `spelled` gives it."""
    days = _days(text, now)
    taken = [(each.start, each.end) for each in days]
    hours = [
        Stretch(start=found.start(), end=found.end(), words=_hour_words(found[0]))
        for found in _HOURS.finditer(text)
        if not any(start < found.end() and found.start() < end for start, end in taken)
    ]
    hours += _bare_hour(text, days, hours, now)
    hours = [each for each in hours if _is_time(each, [*days, *hours], text)]
    named = sorted([*days, *hours], key=lambda each: each.start)
    words = " ".join(each.words for each in named)
    clocks = [each for each in hours if not re.fullmatch(_PART, each.words, re.I)]
    parts = [each for each in hours if each not in clocks]
    several = len(days) > 1 or len(clocks) > 1 or len(parts) > 1
    moment = None
    if named and not several:
        try:
            moment = read_moment(words, now)
        except BadRequest:
            moment = None
    return Timed(
        words=words, stretches=tuple(named), moment=moment, has_day=bool(days),
        has_hour=bool(hours), several=several,
    )  # fmt: skip


def _is_time(each: Stretch, others: list[Stretch], text: str) -> bool:
    """A bare part of the day is one beside a day or an hour: "parents evening" is none."""
    if not re.fullmatch(r"morning|afternoon|evening|night|lunchtime", each.words, re.I):
        return True
    return each.start == 0 or any(
        one.end <= each.start and not text[one.end : each.start].strip(" ,")
        for one in others
        if one is not each
    )


def _bare_hour(
    text: str, days: list[Stretch], hours: list[Stretch], now: datetime
) -> list[Stretch]:
    """ "haircut saturday 11", where no Saturday near is the 11th."""
    if len(days) != 1 or hours:
        return []
    stretch = re.match(
        r" ?,? ?(\d{1,2} ?(?:-|–|to|until|till) ?\d{1,2})(?![\d:.%]\d)\b", text[days[0].end :]
    )
    if stretch is not None:
        at = days[0].end + stretch.start(1)
        words = re.sub(r" ?(?:-|–|until|till) ?", " to ", stretch[1])
        return [Stretch(start=at, end=at + len(stretch[1]), words=f"from {words}")]
    found = re.match(r" ?,? ?(\d{1,2})(?=[\s.!?,]{0,6}$)", text[days[0].end :])
    weekday = re.fullmatch(
        r"(?:next |this )?(?:mon|tues|wednes|thurs|fri|satur|sun)day", days[0].words, re.I
    )
    if found is None or weekday is None or not 1 <= int(found[1]) <= 12:
        return []
    day = read_moment(days[0].words, now).start.date()
    if any((day + timedelta(7 * week)).day == int(found[1]) for week in range(6)):
        return []
    at = days[0].end + found.start(1)
    return [Stretch(start=at, end=at + len(found[1]), words=f"at {found[1]}")]


def _days(text: str, now: datetime) -> list[Stretch]:
    made = []
    for phrase in day_phrases(text, now.date(), understood=_CUES):
        said = text[phrase.start : phrase.end]
        if re.fullmatch(r"may|march|second|sun|sat", said.strip(), re.I):
            continue
        made.append(Stretch(start=phrase.start, end=phrase.end, words=said))
    return made or _named_days(text)


def _named_days(text: str) -> list[Stretch]:
    for pattern, plain in _DAY_NAMES:
        found = pattern.search(text)
        if found is not None:
            words = plain or ("this weekend" if "weekend" in found[0].lower() else "this week")
            return [Stretch(start=found.start(), end=found.end(), words=words)]
    return []


def _hour_words(said: str) -> str:
    words = re.sub(
        rf"\b({'|'.join(_NUMBERS)})\b", lambda found: str(_NUMBERS[found[0].lower()]), said,
        flags=re.I,
    )  # fmt: skip
    words = re.sub(r"\bin half an hour\b", "in 30 minutes", words, flags=re.I)
    words = re.sub(r"(?<=\d)\s(?=[0-5]\d ?[ap])", ":", words)
    words = re.sub(r"^(in the |at )?(?:during the )", "in the ", words)
    words = re.sub(r"\ba (?=quarter)", "", words)
    if not words.lower().startswith("in "):
        words = re.sub(r"(?<=\d) ?(?:hours?|h)\b", ":00", words)
    return " ".join(words.split())


def lasting(text: str) -> tuple[int, Stretch] | None:
    """Minutes, where the request says how long."""
    for found in _DURATION.finditer(text):
        if re.search(r"\bin $", text[: found.start()]) and not found[0].lower().startswith("for"):
            continue
        if found["half"]:
            minutes = 30
        else:
            given = found["n"].lower()
            count = int(given) if given.isdigit() else _COUNT[given]
            minutes = count * (1 if found["unit"].lower().startswith("m") else 60)
            minutes += 30 if found["more"] else 0
        if 1 <= minutes <= 1440:
            return minutes, Stretch(start=found.start(), end=found.end(), words=found[0])
    return None


def without(text: str, stretches: tuple[Stretch, ...]) -> str:
    """The text with a bar in the place of each stretch."""
    for each in sorted(stretches, key=lambda one: -one.start):
        text = f"{text[: each.start]} | {text[each.end :]}"
    return text
