"""Every expression for days in a text, and the words beside it that change what it means.

A word that changes an expression and is not part of it (not, or, every, until, except, around ...)
turns it into a question: a wrong day is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from fireside.assistant.dates.chinese import chinese_phrases
from fireside.assistant.dates.grammar import Days, Expression, Grammar, is_hour
from fireside.assistant.dates.vocabulary import MONTHS, Token, nth_of, number_of, tokens

_LINKS: Final = frozenset(
    "the a an on in at for of to it is be come and only this any day days time next".split()  # noqa: SIM905
)
"""Between a word and the expression that it changes."""
_NEGATIONS: Final = frozenset(("not", "never", "cannot", "dont", "cant", "wont"))
_RELATIONS: Final = frozenset(("before", "after", "since", "until", "till", "til"))
_CHANGES: Final = frozenset(
    """
    no nor neither either or except excepting excluding besides but unless without than every each
    within beyond around approximately roughly circa about weekly daily
    """.split()  # noqa: SIM905
)
_WITH_NEXT: Final = {
    "up": "to", "instead": "of", "end": "of", "start": "of", "beginning": "of", "middle": "of",
    "part": "of", "sometime": "in", "some": "time",
}  # fmt: skip
"""They change it only together with the word behind them."""
_BESIDE: Final = frozenset(
    [
        "easter",
        "good",
        "ash",
        "black",
        "whit",
        "palm",
        "shrove",
        "maundy",
        "boxing",
        "cyber",
        "pancake",
        "super",
        "week",
        "weeks",
        "days",
        "months",
        "half",
        "same",
        "following",
        "other",
        "late",
        "early",
        "mid",
        "next",
        "last",
        "all",
        "any",
        "no",
        "some",
        "one",
    ]
)
"""They change what stands directly behind them, and nothing further on."""
_BEHIND: Final = frozenset(
    "or nor either before after except but onward onwards off ish excluding of".split()  # noqa: SIM905
)
_PAST: Final = re.compile(
    r"\b(?:was|were|had|did|went|came|bought|got|sent|paid|took|left|flew|met|saw|gave|lost|broke|"
    r"fell|began|wrote|spoke|told|born|(?!need|feed|speed|proceed|exceed|indeed|hundred|"
    r"want|hop|plann|decid|lik|wish|tri|intend|wonder|suppos|schedul|book|reserv|limit|unit|"
    r"interest|requir|allow|sav|red\b|bed\b|wed\b)[a-z]{2,12}ed)\b(?!\s+to\b)",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[.!?;,]\s|\b(?:and|but|so|then|please)\b", re.IGNORECASE)
_JOINS: Final = frozenset(("-", "–", "—", "to", "and", "&", "until", "till", "through", "thru"))
_RANGE: Final = re.compile(r"\s*(?:to|until|till|through|thru|-|–|—)\s*(?:on\s+)?(?:the\s+)?", re.I)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """text[start:end] names days.  readings: what it can mean; none where that is a question.
    either: what it would mean if it did not stand with another in "Monday or Tuesday"."""

    start: int
    end: int
    readings: tuple[Days, ...]
    either: tuple[Days, ...] = ()


def day_phrases(
    text: str, today: date, *, terse: bool = False, understood: Collection[str] = ()
) -> list[Phrase]:
    """In the order of the text.

    terse: the text is nothing but a time.
    understood: words that the caller knows the meaning of, such as a form's cue "until".
    """
    listed = tokens(text)
    found = _agreed(_shared(_expressions(listed, today, terse=terse), listed), listed)
    beside = _Beside(listed=listed, text=text, terse=terse, understood=frozenset(understood))
    phrases = []
    for number, each in enumerate(found):
        start, end = _place(each, listed)
        readings: tuple[Days, ...] = each.readings
        either: tuple[Days, ...] = ()
        if beside.changes(each.first, each.last, each):
            first, last = each.first, each.last
            if number and beside.is_or(found[number - 1].last, first):
                first = found[number - 1].first
            if number + 1 < len(found) and beside.is_or(last, found[number + 1].first):
                last = found[number + 1].last
            alone = (first, last) == (each.first, each.last)
            either = () if alone or beside.changes(first, last, each) else readings
            readings = ()
        phrases.append((each, Phrase(start=start, end=end, readings=readings, either=either)))
    made = _ranges(phrases, text, today, terse=terse)
    return sorted([*made, *chinese_phrases(text, today)], key=lambda phrase: phrase.start)


def _expressions(listed: Sequence[Token], today: date, *, terse: bool) -> list[Expression]:
    grammar = Grammar(listed, today, terse=terse)
    found: list[Expression] = []
    at = 0
    while at < len(listed):
        expression = grammar.longest(at)
        if expression is not None:
            found.append(expression)
        at = at + 1 if expression is None else expression.last
    return found


def _place(each: Expression, listed: Sequence[Token]) -> tuple[int, int]:
    first = each.first
    while each.nth is None and first < each.last - 1 and listed[first].word in ("the", "on"):
        first += 1
    return listed[first].start, listed[each.last - 1].end


def _shared(found: list[Expression], listed: Sequence[Token]) -> list[Expression]:
    """ "the 3rd and the 5th of May": both are of May."""
    made: list[Expression] = []
    for each in reversed(found):
        after = made[-1] if made else None
        between = [token.word for token in listed[each.last : after.first]] if after else []
        joined = bool(between) and set(between) <= {*_JOINS, "or", ",", "the", "on"}
        if after is None or each.nth is None or after.month is None or not joined:
            made.append(each)
            continue
        year, month = after.month
        readings: tuple[Days, ...] = ()
        with suppress(ValueError):
            readings = (Days.one(date(year, month, each.nth)),)
        made.append(replace(each, readings=readings, month=after.month))
    return made[::-1]


def _joins_number(words: Sequence[str]) -> bool:
    """ "to 5", "- 16": another day's number may stand there."""
    joined = len(words) > 1 and words[0] in _JOINS
    return joined and words[1].isdecimal() and len(words[1]) <= 2


def _agreed(found: list[Expression], listed: Sequence[Token]) -> list[Expression]:
    """ "tomorrow, Thursday" and "Monday, 18 November" are one day if they agree, else a question;
    "Monday, Tuesday" are two."""
    merged: list[Expression] = []
    for each in found:
        last = merged[-1] if merged else None
        between = {token.word for token in listed[last.last : each.first]} if last else set()
        if last is None or not between <= {",", "the", "on"} or not _belong(last, each):
            merged.append(each)
            continue
        one, other = (last, each) if last.weekday is None else (each, last)
        days = tuple(
            days
            for days in one.readings
            if (other.weekday is not None and days.begin.weekday() == other.weekday)
            or (other.weekday is None and days in other.readings)
        )
        merged[-1] = replace(one, first=last.first, last=each.last, readings=days, weekday=None)
    return merged


def _belong(one: Expression, other: Expression) -> bool:
    if one.weekday is not None and other.weekday is not None:
        return False
    return any(each.weekday is not None or each.pointer for each in (one, other))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """The words beside an expression."""

    listed: Sequence[Token]
    text: str
    terse: bool
    understood: frozenset[str]

    def changes(self, first: int, last: int, each: Expression) -> bool:
        before = [token.word for token in self.listed[max(0, first - 8) : first]]
        behind = [token.word for token in self.listed[last : last + 3]]
        if before and before[-1] in self.understood:
            before = []
        if _changed_before(before) or _changed_behind(behind):
            return True
        if each.weekday is not None and before[-1:] == ["a"]:
            return True
        if each.in_figures and _joins_number(before[::-1]) and before[-3:-2] != ["of"]:
            return not (before[-3:-2] and before[-3] in MONTHS)  # "3-5 May"
        if each.in_figures and _joins_number(behind):
            return behind[2:3] != ["of"] and not (behind[2:3] and behind[2] in MONTHS)
        if each.undirected and not self.terse:  # "I ordered it on Monday": last or next?
            head = self.text[max(0, self.listed[first].start - 80) : self.listed[first].start]
            return _PAST.search(_CLAUSE.split(head)[-1]) is not None
        return False

    def is_or(self, first: int, last: int) -> bool:
        words = [token.word for token in self.listed[first:last]]
        return "or" in words and set(words) <= {"or", ",", "on", "the", "maybe"}


def _changed_before(before: Sequence[str]) -> bool:
    if not before:
        return False
    if before[-1] in _BESIDE or nth_of(before[-1]) is not None:
        return True
    words = before[-6:]
    if words[-1] == "but" and "not" in words:  # "not Tuesday but Wednesday"
        return False
    others = 0  # words between that have a meaning of their own
    for at in range(len(words) - 1, -1, -1):
        word, behind = words[at], words[at + 1 :]
        if word in (",", ".", "!", "?", ";"):
            return False
        if word.endswith("n't") or word in _NEGATIONS:
            return others <= 1
        if word in _RELATIONS and others <= 2:
            return not (behind and is_hour(behind))
        if word in _CHANGES and not others:
            return word != "about" or words[max(0, at - 1) : at] not in (["what"], ["how"])
        if word in _WITH_NEXT and behind[:1] == [_WITH_NEXT[word]] and others <= 1:
            return True
        others += word not in _LINKS
    return False


def _changed_behind(behind: Sequence[str]) -> bool:
    words = [word for word in behind if word != ","]
    if not words:
        return False
    if words[0] in ("before", "after"):
        return not is_hour(words[1:] or [""])
    if words[:2] in (["at", "the"],):
        return words[2:3] in (["latest"], ["earliest"])
    if words[0] == "in" and len(words) > 1:
        return words[1] in MONTHS or number_of(words[1]) is not None
    return words[0] in _BEHIND


def _ranges(
    phrases: list[tuple[Expression, Phrase]], text: str, today: date, *, terse: bool
) -> list[Phrase]:
    """The end of "from Friday to Monday" comes after its beginning."""
    made: list[Phrase] = []
    for expression, phrase in phrases:
        last = made[-1] if made else None
        between = text[last.end : phrase.start] if last else ""
        joined = last is not None and _RANGE.fullmatch(between) is not None
        if last is None or not joined or not last.readings or not expression.readings:
            made.append(phrase)
            continue
        readings = expression.readings
        if (
            expression.undirected
            and len(last.readings) == 1
            and readings[0].begin < last.readings[0].begin
        ):
            again = day_phrases(
                text[phrase.start : phrase.end], last.readings[0].begin, terse=terse
            )
            readings = again[0].readings if len(again) == 1 else ()
        made.append(replace(phrase, readings=readings))
    return made
