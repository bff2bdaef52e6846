"""A learner's message, read for its answer to a sum.

    question_in("Good. What is 7 × 8?")          -> "7 × 8"
    checked("I think it is 54", "7 × 8")         -> wrong
    checked("7 × 8 = 56, and 2 + 2 = 5", None)   -> right, wrong

Which of several numbers is the answer is not guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from fireside.language.sums.judging import MOST_READ, NUMBERED, CheckedSum, check, equations_of
from fireside.language.sums.statements import DENIES, Statement, find_statements
from fireside.language.sums.words import LONGEST, words, write_in_signs

_TALK: Final = words(
    "hint hints more question questions problem problems exercise exercises step steps try tries "
    "example examples minute minutes second seconds hour hours day days year years people times "
    "of them other others please o'clock pm am"
)
"""Words after a number that is no answer."""
_CORRECTED: Final = re.compile(
    r"\b(?:no,? wait|wait,? no|wait|actually|i mean|i meant|sorry|correction|scratch that|oops|"
    r"no)\b[,.:!]*(?=.{0,20}\d)",
    re.I,
)
_IS_THE_ANSWER: Final = re.compile(
    r"is (?:(?:my|the) (?:answer|result|guess|solution|sum|product)|what (?:i|you)|it|that|"
    r"correct|right|wrong)\b|for\b|of course\b|as (?:my|the)\b"
)
_SLASH: Final = re.compile(r"-?\d{0,40}/\d{1,40} ?%?")
_EQUATION: Final = re.compile(r"\d\)? ?= ?[-(]?\d")
_RANGE: Final = re.compile(r"\d{1,40}[-–]\d{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnerAnswer:
    """sums: what a message says of sums.  unread: it holds one that cannot be judged.
    own: the sum that it asks for itself.  numbers: how many answers stand in it."""

    sums: Sequence[CheckedSum] = ()
    unread: bool = False
    own: str | None = None
    numbers: int = 0


def find_question(text: str) -> str | None:
    """The last sum that a message asks for; none where it gives the result itself."""
    found = [each for each in find_statements(text) if each.sides[-1].is_sum and not each.relations]
    if not found:
        return None
    last = found[-1]
    rest = re.split(r"(?<=[.!?])\s", write_in_signs(text)[last.end :], maxsplit=1)[0]
    asks = last.clear and not last.after and ("?" in rest or "=" in rest)
    return last.sides[0].text if asks else None


def check_answer(message: str, question: str | None) -> Sequence[CheckedSum]:
    """What a learner's message says of sums, and of the one that was asked."""
    return read_answer(message, [question] if question else []).sums


def read_answer(message: str, asked: Sequence[str]) -> LearnerAnswer:
    """asked: the sums that are open, the newest first."""
    found = list(islice(find_statements(message), MOST_READ))
    made, unread = equations_of(found)
    unread |= not made and _EQUATION.search(message[:LONGEST]) is not None
    open_ones = [one for one in (next(find_statements(each), None) for each in asked) if one]
    own = _own(found)
    values = _values(message, found)
    answered = None
    if len(values) == 1 and (own or (open_ones and not _names(made, open_ones[0]))):
        answered = _best(values[0], [own] if own else open_ones)
        unread |= answered is None and not made
    return LearnerAnswer(
        sums=[*made, *([answered] if answered else [])],
        unread=unread,
        own=own.sides[0].text if own else None,
        numbers=len(values),
    )


def _own(found: Sequence[Statement]) -> Statement | None:
    """The one sum without a result; a fraction alone is a number."""
    alone = [
        e for e in found if not e.relations and e.clear and not _RANGE.fullmatch(e.sides[0].text)
    ]
    sums = [
        each
        for each in alone
        if each.sides[0].is_sum
        and not (each.sides[0].is_value and _SLASH.fullmatch(each.sides[0].text))
    ]
    distinct = {each.sides[0].plain for each in sums}
    return sums[-1] if len(distinct) == 1 and not sums[-1].after and not sums[-1].dashed else None


def _values(message: str, found: Sequence[Statement]) -> list[Statement]:
    """The numbers that can be an answer, each once; of a corrected answer the later ones."""
    text = write_in_signs(message)
    values = []
    for each in found:
        if each.relations or not each.clear or not each.sides[0].is_value:
            continue
        if each.before in NUMBERED or each.before in DENIES or each.after in _TALK:
            continue
        rest = text[each.end :].strip(" .!?)").lower()
        if each.after and rest != each.after and not _IS_THE_ANSWER.match(rest):
            continue
        values.append(each)
    cues = list(islice(_CORRECTED.finditer(text), MOST_READ))
    behind = [each for each in values if cues and each.start >= cues[-1].end()]
    chosen = {(e.sides[0].plain, e.sides[0].remainder): e for e in behind or values}
    return list(chosen.values())


def _names(made: Sequence[CheckedSum], asked: Statement) -> bool:
    """One of them is about the sum that was asked."""
    return any(one.sum == asked.sides[0].text for one in made)


def _best(answer: Statement, asked: Sequence[Statement]) -> CheckedSum | None:
    """Of the sum that it is right for, or else the nearest to."""
    side = answer.sides[0]
    judged = [
        one
        for each in asked
        if (
            one := check(
                Statement(
                    sides=[each.sides[0], side],
                    relations=["="],
                    opens=False,
                    clear=True,
                    dashed=each.dashed or answer.dashed,
                    before="",
                    end=0,
                )
            )
        )
    ]
    right = next((one for one in judged if one.right), None)
    return right or min(judged, key=_distance, default=None)


def _distance(one: CheckedSum) -> float:
    """Between an answer and the result; far where they are no plain numbers."""
    try:
        here, there = (float(each.replace(",", "").split()[0]) for each in (one.answer, one.result))
    except (ValueError, IndexError):
        return 1e300
    return abs(here - there)
