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

from fireside.language.dates.beside import JOINS, Beside
from fireside.language.dates.chinese import chinese_phrases
from fireside.language.dates.expressions import Days, Expression
from fireside.language.dates.grammar import Grammar
from fireside.language.dates.vocabulary import Token, tokenise

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
    listed = tokenise(text)
    found = _agreed(_shared(_expressions(listed, today, terse=terse), listed), listed)
    beside = Beside(listed=listed, text=text, terse=terse, understood=frozenset(understood))
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
        joined = bool(between) and set(between) <= {*JOINS, "or", ",", "the", "on"}
        if after is None or each.nth is None or after.month is None or not joined:
            made.append(each)
            continue
        year, month = after.month
        readings: tuple[Days, ...] = ()
        with suppress(ValueError):
            readings = (Days.one(date(year, month, each.nth)),)
        made.append(replace(each, readings=readings, month=after.month))
    return made[::-1]


def _agreed(found: list[Expression], listed: Sequence[Token]) -> list[Expression]:
    """ "tomorrow, Thursday" and "Monday, 18 November" are one day if they agree, else a question;
    "Monday, Tuesday" are two."""
    merged: list[Expression] = []
    for each in found:
        last = merged[-1] if merged else None
        between = {token.word for token in listed[last.last : each.first]} if last else set()
        if last is None or not between <= {",", "the", "on"} or not _belongs(last, each):
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


def _belongs(one: Expression, other: Expression) -> bool:
    if one.weekday is not None and other.weekday is not None:
        return False
    return any(each.weekday is not None or each.pointer for each in (one, other))


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
