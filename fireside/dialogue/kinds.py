"""A slot's type -> the values of that type in a text.

`candidates` gives what a parser finds; free text has no parser here (`spans.py`, and the model).
It refuses to choose: two dates in a sentence are two candidates.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection
from datetime import date
from functools import lru_cache
from typing import Final

import regex

from fireside.dialogue.config import SlotConfig
from fireside.language.days import find_days
from fireside.language.mentions import Mention, without_overlaps
from fireside.language.numbers import find_numbers
from fireside.language.times import find_times

log = logging.getLogger(__name__)

PATTERN_SECONDS: Final = 0.5
YES: Final = "yes"
NO: Final = "no"
_EMAIL: Final = re.compile(r"[\w.+-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", re.ASCII)
_PHONE: Final = re.compile(r"(?<![\w.])\+?\(?\d[\d\s()/.-]{5,18}\d(?![\w.])", re.ASCII)
# "I don't know" answers nothing.
_KNOWS_NOT: Final = r"(?! (?:know|remember|recall|think|mind|care|understand|see|get))"
_YES_NO: Final = re.compile(
    rf"(?<!\w)(?:(?P<no>(?:i|we|it|they) (?:did|do|does|have|has|is|was|were) not{_KNOWS_NOT}|"
    r"no(?! (?:idea|clue|problem))|nope|nah|not(?! (?:sure|certain))|never|without|"
    rf"(?:do|does|is|did|have|has|was)n['’]?t{_KNOWS_NOT}|false|不是?|不对|没有)|"
    r"(?P<yes>yes|yeah|yep|yup|(?<!not )sure|correct|right|of course|definitely|absolutely|"
    r"ok|okay|please do|i do|i did|it is|it does|true|"
    r"(?:i|we|it|they) (?:have|has|was|were|are)(?=\W*(?:$|[.,;!]))|是的?|对|好的?|可以)"
    r")(?!\w)",
    re.I,
)


def candidates(
    slot: SlotConfig,
    text: str,
    *,
    today: date,
    date_order: str = "ask",
    cues: Collection[str] = (),
) -> list[Mention]:
    """What `text` holds of the slot's type, in its order; for free text, nothing.  A number's
    bounds are `within`'s.

    cues: words that the slots know ("until"), and that therefore make no question of a day.
    """
    match slot.type:
        case "number":
            return find_numbers(text)
        case "date":
            return _ordered(find_days(text, today, understood=cues, either=True), date_order)
        case "time":
            return find_times(text)
        case "choice":
            return _choices(slot, text)
        case "yes_no":
            return _yes_no(text)
        case "email":
            return [_mention(match, match.group().lower()) for match in _EMAIL.finditer(text)]
        case "phone":
            return [
                _mention(match, digits)
                for match in _PHONE.finditer(text)
                if 7 <= len((digits := _digits(match.group())).lstrip("+")) <= 15
            ]
        case "pattern":
            return _by_pattern(slot.pattern, text)
        case _:
            return []


def within(slot: SlotConfig, number: float) -> bool:
    return (slot.min is None or number >= slot.min) and (slot.max is None or number <= slot.max)


def _ordered(found: list[Mention], order: str) -> list[Mention]:
    """Of two readings of the same words, the one that the policy prefers."""
    if order == "ask":
        return found
    kept: list[Mention] = []
    for each in found:
        twins = [o for o in found if (o.start, o.end) == (each.start, each.end)]
        if len(twins) == 2:
            first = re.match(r"\d+", each.words)
            day = int(each.value[-2:])
            day_first = first is not None and int(first.group()) == day
            if day_first != (order == "day_first"):
                continue
        kept.append(each)
    return kept


def _by_pattern(pattern: str, text: str) -> list[Mention]:
    """By a pattern of the policy's author.  It may come back to the same letters without end, so
    it has PATTERN_SECONDS, and finds nothing in a text that takes it longer; the log says so."""
    searched = regex.compile(pattern, regex.I).finditer(
        text, timeout=PATTERN_SECONDS, concurrent=True
    )
    try:
        return [
            Mention(value=m.group().upper(), words=m.group(), start=m.start(), end=m.end())
            for m in searched
            if m.group()
        ]
    except TimeoutError:
        log.warning(
            "The pattern %r takes more than %s s for a text of %d letters, which was not read.",
            pattern[:200], PATTERN_SECONDS, len(text),
        )  # fmt: skip
        return []


def _choices(slot: SlotConfig, text: str) -> list[Mention]:
    found = []
    for value, pattern in _patterns(tuple((k, tuple(v)) for k, v in slot.choices.items())):
        found += [_mention(match, value) for match in pattern.finditer(text)]
    return without_overlaps(found)


@lru_cache(maxsize=256)
def _patterns(
    choices: tuple[tuple[str, tuple[str, ...]], ...],
) -> tuple[tuple[str, re.Pattern[str]], ...]:
    made = []
    for value, others in choices:
        words = sorted({value, value.replace("_", " "), *others}, key=len, reverse=True)
        either = "|".join(re.escape(word).replace(r"\ ", r"[\s-]+") for word in words)
        # A word's border is one only between letters of scripts that part their words.
        made.append(
            (value, re.compile(rf"(?<![A-Za-z0-9])(?:{either})(?:e?s)?(?![A-Za-z0-9])", re.I))
        )
    return tuple(made)


def _yes_no(text: str) -> list[Mention]:
    return [_mention(match, YES if match["yes"] else NO) for match in _YES_NO.finditer(text)]


def _mention(match: re.Match[str], value: str) -> Mention:
    return Mention(value=value, words=match.group(), start=match.start(), end=match.end())


def _digits(said: str) -> str:
    return ("+" if said.startswith("+") else "") + re.sub(r"\D", "", said)
