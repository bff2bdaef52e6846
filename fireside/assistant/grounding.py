"""Does every number, name, date and negation of a sentence stand in the text that it rests on?

A deterministic check without a model.  What it lets through may still be wrong (it does not read
grammar); what it names is not in the text.

    problems("Open on Sunday from 7:30am.", "On Sunday we open at 10:00.") == ["7:30am"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from fireside.knowledge.words import STOPS, words
from fireside.language.sentences import names_in, sentence_spans

_TIME: Final = re.compile(
    r"\b(\d{1,2})(?:[:.h](\d{2}))?\s?([ap])\.?m\b\.?|\b(\d{1,2}):(\d{2})\b", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"\d+(?:[.,:/-]\d+)*")
_THOUSANDS: Final = re.compile(r"(?<=\d)[,.](?=\d{3}(?!\d))")
_WORD: Final = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*")
_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
_LARGE: Final = (
    "twenty:20 thirty:30 forty:40 fifty:50 sixty:60 seventy:70 eighty:80 ninety:90 hundred:100 "
    "thousand:1000 million:1000000"
)
_COUNTED: Final = {word: str(number) for number, word in enumerate(_SMALL.split())} | dict(
    row.split(":", 1) for row in _LARGE.split()
)
_LOOSE: Final = frozenset({"one", "zero"})  # "the one that", "no one": seldom a number
_CALENDAR: Final = (
    "january:jan february:feb march:mar april:apr may june:jun july:jul august:aug "
    "september:sep:sept october:oct november:nov december:dec"
)
_MONTHS: Final = {
    name: number for number, row in enumerate(_CALENDAR.split(), 1) for name in row.split(":")
}
_MONTH: Final = "|".join(sorted(_MONTHS, key=len, reverse=True))
_DAY_MONTH: Final = re.compile(
    rf"\b(\d{{1,2}})(?:st|nd|rd|th)?(?: of)? ({_MONTH})\b\.?", re.IGNORECASE
)
_MONTH_DAY: Final = re.compile(
    rf"\b({_MONTH})\b\.? (\d{{1,2}})(?:st|nd|rd|th)?\b(?![:.]\d)", re.IGNORECASE
)
_ISO: Final = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_NEGATION: Final = re.compile(
    r"\b(?:no|not|never|none|nobody|nothing|nowhere|neither|nor|without|cannot|unable|except|"
    r"[a-z]+n['’]t|kein\w*|nicht|nie|niemals|ohne|ne|pas|jamais|sans|sin|nunca|não|sem|non|mai|"
    r"senza)\b|[不没沒无無未非勿]",
    re.IGNORECASE,
)
_OPPOSITES: Final = (
    ("rise rose risen rising increase increased increasing grow grew grown growth up higher gain "
     "gained climbed climb more",
     "fall fell fallen falling decrease decreased decreasing decline declined shrink shrank drop "
     "dropped down lower lost loss less fewer"),
    ("open opens opened opening", "close closes closed closing shut"),
    ("before earlier", "after later"),
    ("allow allowed allows permitted may", "forbid forbidden prohibited banned"),
    ("free", "charge charged charges"),
    ("first", "last"),
    ("minimum least", "maximum most"),
    ("always", "never"),
)  # fmt: skip
_POLES: Final = {
    word: (pair, side)
    for pair, sides in enumerate(_OPPOSITES)
    for side, row in enumerate(sides)
    for word in row.split()
}
_STARTS: Final = (
    "yes no according based however therefore also thus please sure here both each all some many "
    "most one our unfortunately since while although because about after before during between "
    "under over within sorry currently overall additionally finally moreover"
)
_OPENERS: Final = frozenset(_STARTS.split())
"""Words that begin a sentence with a capital and are no names."""
NEAR: Final = 0.8
"""A sentence of the text counts beside the one most like the answer's from this share on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What a text states.  times: minutes of the day.  numbers: without separators of thousands.
    dates: (month, day)."""

    times: frozenset[int]
    numbers: frozenset[str]
    dates: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, text: str) -> Stated:
        return cls(
            times=frozenset(minutes for minutes, _ in _times(text)),
            numbers=frozenset(number for number, _ in _numbers(_ISO.sub(r"\g<0> \1", text))),
            dates=frozenset(date for date, _ in _dates(text)),
        )


def problems(sentence: str, texts: Sequence[str]) -> list[str]:
    """What of the sentence does not stand in the texts, as it is written; empty: all of it does."""
    text = "\n".join(texts)
    stated = Stated.of(text)
    missing = [shown for minutes, shown in _times(sentence) if not _has_time(stated, minutes)]
    bare = _ISO.sub(r"\1", _TIME.sub(" ", sentence))
    missing += [shown for number, shown in _numbers(bare) if not _has_number(stated, number)]
    missing += [shown for date, shown in _dates(sentence) if date not in stated.dates]
    missing += _unknown_names(sentence, text)
    if not missing:
        missing += _turned(sentence, texts)
    return list(dict.fromkeys(missing))


def nearest(sentence: str, texts: Sequence[str]) -> tuple[int, str]:
    """The sentence of the texts that shares most words with this one, and the number of its text;
    the first of the first text where none shares any."""
    mine = set(words(sentence)) - STOPS
    rows = [(n, text[begin:end]) for n, text in enumerate(texts)
            for begin, end in sentence_spans(text)]  # fmt: skip
    if not rows:
        return 0, ""
    return max(rows, key=lambda row: len(mine & set(words(row[1]))))


def _times(text: str) -> Iterator[tuple[int, str]]:
    for found in _TIME.finditer(text):
        hour, minute, half, plain_hour, plain_minute = found.groups()
        if half is None:
            yield 60 * int(plain_hour) + int(plain_minute), found[0]
        else:
            hours = int(hour) % 12 + (12 if half in "pP" else 0)
            yield 60 * hours + int(minute or 0), found[0].strip(" .")


def _numbers(text: str) -> Iterator[tuple[str, str]]:
    for found in _NUMBER.finditer(text):
        plain = _THOUSANDS.sub("", found[0])
        yield (plain.lstrip("0") or "0") if plain.isdigit() else plain, found[0]
    for found in _WORD.finditer(text):
        word = found[0].lower()
        if word in _COUNTED and word not in _LOOSE:
            yield _COUNTED[word], found[0]


def _dates(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    for found in _DAY_MONTH.finditer(text):
        yield (_MONTHS[found[2].lower()], int(found[1])), found[0].strip(" .")
    for found in _MONTH_DAY.finditer(text):
        yield (_MONTHS[found[1].lower()], int(found[2])), found[0].strip(" .")
    for found in _ISO.finditer(text):
        yield (int(found[2]), int(found[3])), found[0]


def _has_time(stated: Stated, minutes: int) -> bool:
    whole, rest = divmod(minutes, 60)
    return minutes in stated.times or (not rest and str(whole) in stated.numbers)


def _has_number(stated: Stated, number: str) -> bool:
    if number in stated.numbers or (number.isdigit() and 60 * int(number) in stated.times):
        return True
    if number.isdigit() and int(number) <= 31:  # "3 May" of 2024-05-03
        return any(day == int(number) for _, day in stated.dates)
    return False


def _unknown_names(sentence: str, text: str) -> Iterator[str]:
    known = set(words(text))
    months = {month for month, _ in Stated.of(text).dates}
    for name in sorted(names_in(sentence)):
        if _MONTHS.get(name) in months:
            continue
        if not set(words(name)) <= known:
            yield name
    first = _WORD.search(sentence)
    if first is None or not first[0][0].isupper():
        return
    word = first[0]
    plain = set(words(word))
    if plain <= known or plain <= STOPS or word.lower() in _OPENERS | _COUNTED.keys():
        return
    yield word


def _turned(sentence: str, texts: Sequence[str]) -> Iterator[str]:
    """A negation, or one of two opposites, where the text most like the sentence has the other."""
    near = [text for text in _likest(sentence, texts) if text]
    if not near:
        return
    denial = _NEGATION.search(sentence)
    if all((_NEGATION.search(text) is None) != (denial is None) for text in near):
        yield denial[0] if denial else "not"
    mine = _poles(sentence)
    for (pair, side), word in mine.items():
        theirs = [_poles(text) for text in near]
        if (pair, 1 - side) not in mine and all(
            (pair, 1 - side) in each and (pair, side) not in each for each in theirs
        ):
            yield word


def _poles(text: str) -> dict[tuple[int, int], str]:
    found = (each[0] for each in _WORD.finditer(text))
    return {_POLES[word.lower()]: word for word in found if word.lower() in _POLES}


def _likest(sentence: str, texts: Sequence[str]) -> list[str]:
    """The sentences of the texts that share most words with this one."""
    mine = set(words(sentence)) - STOPS
    rows = [text[begin:end] for text in texts for begin, end in sentence_spans(text)]
    shared = [len(mine & set(words(row))) for row in rows]
    most = max(shared, default=0)
    if not most:
        return []
    return [row for row, count in zip(rows, shared, strict=True) if count >= NEAR * most]
