"""The words beside an expression for days that change what it means.

A word that is not part of the expression (not, or, every, until, except, around ...) makes a
question of it: a wrong day is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fireside.language.dates.cursor import STEPS, is_hour
from fireside.language.dates.expressions import Expression
from fireside.language.dates.vocabulary import MONTHS, UNITS, Token, nth_of, number_of

_LINKS: Final = frozenset(
    """
    the a an on in at for of to it is be come and only this any day days time next
    """.split()  # noqa: SIM905
)
"""Between a word and the expression that it changes."""
_NEGATIONS: Final = frozenset(("not", "never", "cannot", "dont", "cant", "wont"))
_RELATIONS: Final = frozenset(("before", "after", "since", "until", "till", "til"))
_CHANGES: Final = frozenset(
    """
    no nor neither either or except excepting excluding besides but unless without than every each
    avoid skip exclude bar minus plus commencing away busy unavailable closed off within beyond
    around approximately roughly circa about weekly daily ago
    """.split()  # noqa: SIM905
)
_WITH_NEXT: Final = {
    "up": "to", "instead": "of", "end": "of", "start": "of", "beginning": "of", "middle": "of",
    "part": "of", "sometime": "in", "some": "time", "apart": "from", "aside": "from",
    "prior": "to", "save": "for", "now": "and", "short": "of", "ahead": "of", "shy": "of",
}  # fmt: skip
"""They change it only together with the word behind them."""
_BESIDE: Final = frozenset(
    """
    easter good ash black whit palm shrove maundy boxing cyber pancake super bowl giving mothering
    advent holy fat trinity casual week weeks fortnight fortnights days months years half same
    following other late early mid next last all any no some one
    """.split()  # noqa: SIM905
)
"""They change what stands directly behind them, and nothing further on."""
_BEHIND: Final = frozenset(
    """
    or nor either before after except but onward onwards off ish excluding of plus minus
    aside apart following / + street avenue road lane people persons guests miles km steps laps
    """.split()  # noqa: SIM905
)
_MEASURES: Final = frozenset(
    """
    decade decades century centuries quarter quarters sleeps night nights notice weekends
    mondays tuesdays wednesdays thursdays fridays saturdays sundays
    """.split()  # noqa: SIM905
)
"""Lengths of time that are not reckoned."""
_IS: Final = frozenset(("is", "was", "does", "will", "would", "can", "are", "looks"))
_NOT_IT: Final = frozenset(
    ("not", "no", "never", "out", "bad", "full", "taken", "impossible", "difficult", "closed")
)
_PAST: Final = re.compile(
    r"\b(?:was|were|had|did|went|came|bought|got|sent|paid|took|left|flew|met|saw|gave|lost|broke|"
    r"fell|began|wrote|spoke|told|born|(?!need|feed|speed|proceed|exceed|indeed|hundred|"
    r"want|hop|plann|decid|lik|wish|tri|intend|wonder|suppos|schedul|book|reserv|limit|unit|"
    r"interest|requir|allow|sav|red\b|bed\b|wed\b)[a-z]{2,12}ed)\b(?!\s+to\b)",
    re.IGNORECASE,
)
_CLAUSE: Final = re.compile(r"[.!?;,]\s|\b(?:and|but|so|then|please)\b", re.IGNORECASE)
_PARTS: Final = frozenset(
    """
    eve vigil anniversary birthday day days week weeks weekend month rest half part most all any
    each end
    """.split()  # noqa: SIM905
)
_ROUGHLY: Final = frozenset(("over", "under", "almost", "nearly", "only", "good", "just", "than"))
JOINS: Final = frozenset(("-", "–", "—", "to", "and", "&", "until", "till", "through", "thru"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
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
        if self.listed[last - 1].word == "ago" and behind[:1] == ["on"]:
            return True  # "two years ago on 3 May"
        if each.weekday is not None and _is_described(before):
            return True
        if self._is_measured(before, self.listed[first].word):
            return True
        if _is_compound(before, self.listed[first].word):
            return True
        if before[-1:] == ["for"] and number_of(self.listed[first].word) is not None:
            return True  # "for two weeks from Friday" is how long
        if each.in_figures and _joins_number(before[::-1]) and before[-3:-2] != ["of"]:
            return not (before[-3:-2] and before[-3] in MONTHS)  # "3-5 May"
        if each.in_figures and _joins_number(behind):
            return behind[2:3] != ["of"] and not (behind[2:3] and behind[2] in MONTHS)
        if each.undirected and not self.terse:  # "I ordered it on Monday": last or next?
            head = self.text[max(0, self.listed[first].start - 80) : self.listed[first].start]
            return _PAST.search(_CLAUSE.split(head)[-1]) is not None
        return False

    def _is_measured(self, before: Sequence[str], word: str) -> bool:
        """ "over a week ago", "3 to 4 weeks from now", "a good week from Friday", "the eve of"."""
        if before[-1:] == ["of"] and before[-2:-1]:  # "three quarters of a year from today"
            return before[-2] in _PARTS or word in ("a", "an")
        if before[-1:] in (["from"], ["on"], ["after"], ["before"]) and before[-2:-1]:
            return before[-2] in UNITS or before[-2] in _MEASURES
        if number_of(word) is None or not before:
            return False
        joined = before[-1] in (*JOINS, "or") and before[-2:-1]
        return before[-1] in _ROUGHLY or bool(joined and number_of(before[-2]) is not None)

    def is_or(self, first: int, last: int) -> bool:
        words = [token.word for token in self.listed[first:last]]
        return "or" in words and set(words) <= {"or", ",", "on", "the", "maybe"}


def _changed_before(before: Sequence[str]) -> bool:
    if not before:
        return False
    if before[-1] in _BESIDE or before[-1] == "/" or nth_of(before[-1]) is not None:
        return True
    if before[-1] == "to" and before[-2:-1] and (before[-2] == "next" or nth_of(before[-2])):
        return True  # "next to last Friday"
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


def _is_described(before: Sequence[str]) -> bool:
    """ "a Monday", "the penultimate Friday", "next to last Friday"."""
    if before[-1:] == ["a"]:
        return True
    return before[-2:-1] == ["the"] and before[-1] not in _LINKS and before[-1].isalpha()


def _is_compound(before: Sequence[str], word: str) -> bool:
    """ "next-to-last Friday", "thirty-second", "a week and two days from now", "today's today"."""
    last, prior = before[-1:], before[-2:-1]
    if last in (["twenty"], ["thirty"]) or before[-3:] == ["w", "/", "c"]:
        return True
    if last == ["-"] and prior:
        is_nth = nth_of(prior[0]) is not None
        of_tens = nth_of(word) is not None and number_of(prior[0]) is not None
        return of_tens or (is_nth and word == "last") or prior[0] in ("to", "non", "pre", "post")
    if last == ["and"] and prior:
        return prior[0] in UNITS and number_of(word) is not None
    return bool(last) and last[0] in ("today's", "tomorrow's", "yesterday's", "tonight's")


def _changed_behind(behind: Sequence[str]) -> bool:
    words = [word for word in behind if word != ","]
    if not words:
        return False
    if len(words) > 1 and words[0] in STEPS and words[1] in ("month", "year"):
        return True  # "3 May last year", "the 20th next month"
    if words[0] == "the" and words[1:2] in (["week"], ["month"], ["year"]):
        return True  # "Friday, the week after"
    if number_of(words[0]) is not None and len(words) > 1 and words[1] in UNITS:
        return True  # "Friday two weeks out"
    if words[:2] in (["-", "ish"], ["give", "or"], ["this", "time"]):
        return True
    if words[0] == "'" and words[1:2] and words[1].isdecimal():
        return True  # "4 March '26"
    if words[0] == "-" and len(words) > 2 and words[2] in UNITS:
        return number_of(words[1]) is not None
    if words[0] in ("before", "after"):
        return not is_hour(words[1:] or [""])
    if behind[0].endswith("n't") or (behind[0] in _IS and words[1:2] and words[1] in _NOT_IT):
        return True  # "Monday doesn't work", "Monday is no good"
    if words[:2] in (["at", "the"],):
        return words[2:3] in (["latest"], ["earliest"])
    if words[0] == "in" and len(words) > 1:
        return words[1] in MONTHS or number_of(words[1]) is not None
    return words[0] in _BEHIND


def _joins_number(words: Sequence[str]) -> bool:
    """ "to 5", "- 16": another day's number may stand there."""
    joined = len(words) > 1 and words[0] in JOINS
    return joined and words[1].isdecimal() and len(words[1]) <= 2
