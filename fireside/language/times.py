"""Mentions of a time of the day in a text, for a form, as HH:MM.

"half past 11 in the morning", "5 pm", "noon", "17:40", "下午三点半".  Without am or pm, "7:15" is
07:15 as it is written, and "at 3" is both 03:00 and 15:00: the form asks which (`hours.py` says
why a tool does not).  A time that a word beside it changes is no mention ("not at 3 pm", "before
5 pm", "3 or 4 pm", "5 pm CET"), and neither is a duration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fireside.language.mentions import Mention, without_overlaps
from fireside.language.numbers import UNITS, number_of_chinese, number_of_words

_HOUR = "(?:" + "|".join([*(w for w in UNITS if w != "zero"), r"\d{1,2}"]) + ")"
_HALF = (
    r"(?:\s*(?P<half>a\.m\.|p\.m\.|am\b|pm\b|o'?clock)(?!\w)|(?:\s*o'?clock)?\s+(?:in\s+the\s+"
    r"(?P<part>morning|afternoon|evening)|at\s+(?P<night>night)))"
)
_CLOCK: Final = re.compile(
    rf"(?:\b(?P<early>morning|afternoon|evening)\s+(?:at\s+)?)?"
    rf"(?<![\w:.])(?P<hour>\d{{1,2}})[:.](?P<minute>\d{{2}})(?![\w:]|\.\d){_HALF}?"
    rf"|(?<![\w:.])(?P<hour4>\d{{1,2}})h(?P<minute4>\d{{2}})?(?!\w)",
    re.I | re.ASCII,
)
_PLAIN: Final = re.compile(rf"(?<![\w:.])(?P<hour>{_HOUR}){_HALF}", re.I | re.ASCII)
_PAST: Final = re.compile(
    rf"\b(?P<much>half|quarter|(?:a\s+quarter)|{_HOUR}|twenty(?:[\s-]five)?)(?:\s+minutes)?\s+"
    rf"(?P<way>past|to|after|before)\s+(?P<hour>{_HOUR})\b{_HALF}?",
    re.I | re.ASCII,
)
_NAMED: Final = re.compile(r"\b(?P<name>noon|midday|midnight)\b", re.I | re.ASCII)
_AT: Final = re.compile(
    rf"\b(?:at|by|around|about)\s+(?P<hour>{_HOUR})(?![\w:.,]*\w)", re.I | re.ASCII
)
_CHINESE: Final = re.compile(
    r"(?P<part>早上|上午|中午|下午|晚上|凌晨)?(?P<hour>\d{1,2}|[一二两三四五六七八九十]{1,3})[点點时]"
    r"(?P<minute>半|一刻|三刻|\d{1,2}分?|[一二三四五六七八九十]{1,3}分)?"
)


_CHANGED_BEFORE: Final = re.compile(
    r"(?:(?<![a-z])(?:not|never|n?or|except|unless|before|after|until|till|since|every|than)|n['’]t|"
    r"cannot)\s{1,3}(?:at\s{1,3}|the\s{1,3}){0,2}$",
    re.I,
)
_CHANGED_BEHIND: Final = re.compile(
    r"\s{0,3},?\s{0,3}(?i:or)\b|\s{0,2}(?:UTC|GMT|Z|[A-Z]{1,3}[SD]?T)\b(?!')"
)


def find_times(text: str) -> list[Mention]:
    return [
        found
        for found in without_overlaps(_all(text))
        if not _CHANGED_BEFORE.search(text[max(0, found.start - 24) : found.start])
        and not _CHANGED_BEHIND.match(text, found.end)
    ]


def _all(text: str) -> Iterator[Mention]:
    for match in _CLOCK.finditer(text):
        hour = int(match["hour"] or match["hour4"])
        yield from _clock_mentions(match, hour, int(match["minute"] or match["minute4"] or 0))
    for match in _PLAIN.finditer(text):
        yield from _clock_mentions(match, _number(match["hour"]), 0)
    for match in _PAST.finditer(text):
        much = match["much"].lower()
        minutes = 30 if much == "half" else 15 if "quarter" in much else _number(much)
        hour = _number(match["hour"])
        if match["way"].lower() in ("to", "before"):
            hour, minutes = (hour - 1) % 24 or 12, 60 - minutes
        yield from _clock_mentions(match, hour, minutes)
    for match in _NAMED.finditer(text):
        yield _mention(match, 0 if match["name"].lower() == "midnight" else 12, 0)
    for match in _AT.finditer(text):
        start = match.start("hour")
        hour = _number(match["hour"])
        said = text[start : match.end()]
        halves = (
            (hour, (hour + 12) % 24) if 1 <= hour <= 12 and not said.startswith("0") else (hour,)
        )
        for each in halves:
            if 0 <= each < 24:
                yield Mention(value=f"{each:02}:00", words=said, start=start, end=match.end())
    for match in _CHINESE.finditer(text):
        yield from _chinese_mentions(match)


def _clock_mentions(match: re.Match[str], hour: int, minute: int) -> Iterator[Mention]:
    half = (match["half"] or "").lower().replace(".", "")
    early = match.groupdict().get("early")
    part = (match["part"] or match["night"] or early or "").lower()
    after_noon = half == "pm" or part in ("afternoon", "evening", "night")
    before_noon = half == "am" or part == "morning"
    if (after_noon or before_noon) and not 1 <= hour <= 12 and half in ("am", "pm"):
        return
    if after_noon and hour < 12:
        hour += 12
    elif (before_noon or part == "night") and hour in (12, 24):
        hour = 0
    if hour < 24 and 0 <= minute < 60:
        yield _mention(match, hour, minute)


def _chinese_mentions(match: re.Match[str]) -> Iterator[Mention]:
    hour = int(match["hour"]) if match["hour"].isdecimal() else number_of_chinese(match["hour"])
    said = (match["minute"] or "").removesuffix("分")
    named = {"": 0, "半": 30, "一刻": 15, "三刻": 45}
    minute = named.get(said, int(said) if said.isdecimal() else None)
    if minute is None:
        minute = number_of_chinese(said)
    if hour is None or minute is None:
        return
    if match["part"] in ("下午", "晚上") and hour < 12:
        hour += 12
    if hour < 24 and minute < 60:
        yield _mention(match, hour, minute)


def _mention(match: re.Match[str], hour: int, minute: int) -> Mention:
    return Mention(
        value=f"{hour:02}:{minute:02}", words=match.group(), start=match.start(), end=match.end()
    )


def _number(word: str) -> int:
    if word.isdecimal():
        return int(word)
    value = number_of_words(word)
    return -1 if value is None else value
