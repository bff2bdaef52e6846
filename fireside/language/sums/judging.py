"""Sums that a text states, calculated: a small tutor need not be good at it.

    equations("7 × 8 = 56, and 2 + 2 = 5")   -> right, wrong

Only what was read whole is judged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Final

from fireside.errors import BadRequest
from fireside.language.arithmetic import evaluate, format_number
from fireside.language.sums.statements import Side, Statement, find_statements
from fireside.language.sums.words import words

_NAMES: Final = {"+": "addition", "-": "subtraction", "*": "multiplication", "/": "division"}
MOST: Final = 10
"""Sums of one message that are checked."""
MOST_READ: Final = 100
_ROOTS: Final = Fraction(1, 10**30)
"""As near as two numbers are that are the same, where a root is in them."""
NUMBERED: Final = words(
    "question problem number step level exercise task page chapter grade class hint hints try no "
    "than over under about around almost near nearly between to from in at on until since after "
    "before am i'm me need want about around roughly approximately have has the i've not problems "
    "questions exercises give add other count into"
)
"""Words before a number that is no answer."""
LAST_DECIMAL: Final = 10**6
"""A result that ends within six decimals is given whole; others may be rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedSum:
    """sum, answer: as they were written.  result: the right one.  kind: of which arithmetic.
    relation: what was said to stand between them; right: whether it does."""

    sum: str
    answer: str
    result: str
    right: bool
    kind: str
    relation: str = "="


def check_equations(text: str) -> Sequence[CheckedSum]:
    """Those alone that a text writes out, without its answers."""
    return equations_of(list(islice(find_statements(text), MOST_READ)))[0]


def equations_of(found: Sequence[Statement]) -> tuple[list[CheckedSum], bool]:
    """And whether one of them cannot be judged."""
    made: list[CheckedSum] = []
    unread = False
    for each in found:
        if each.relations and (one := check(each) if each.clear else None):
            made.append(one)
        elif each.relations:
            sides = {(side.plain, side.remainder) for side in each.sides}
            unread |= any(side.is_sum for side in each.sides) and len(sides) > 1
    return made[:MOST], unread


def check(one: Statement) -> CheckedSum | None:
    """None where it cannot be told: without a value, or right only if a comma is read otherwise."""
    plain = [each.plain for each in one.sides]
    if len(set(plain)) == 1 and one.sides[-1].remainder is None:
        return None
    try:
        made = _chain(one, plain)
        if made is None or (made.right and made.relation == "="):
            return made
        if one.dashed or (len(one.relations) > 1 and any(each.unsure for each in one.sides)):
            return None
        if one.after and made.relation == "=" and _converts(made):
            return None
        pointed = [each.pointed for each in one.sides]
        if pointed != plain and "" not in pointed:
            other = _chain(one, pointed)
            return made if other is not None and other.right == made.right else None
    except BadRequest:
        return None
    return made


_CONVERSIONS: Final = frozenset(
    int(each)
    for each in words(
        "2 3 4 5 6 7 8 9 10 11 12 14 16 20 24 28 29 30 31 36 52 60 90 100 144 360 365 366 1000 "
        "1440 1760 3600 5280 10000 86400 100000 1000000"
    )
)


def _converts(made: CheckedSum) -> bool:
    """Whether another unit explains what came out: 60 × 2 = 2 hours."""
    text = made.result.split()[0].replace(",", "")
    try:
        here, there = Fraction(evaluate(text)), Fraction(evaluate(made.answer.replace(",", "")))
    except (BadRequest, ValueError, ZeroDivisionError):
        return True
    if not here or not there:
        return False
    return here / there in _CONVERSIONS or there / here in _CONVERSIONS


def _chain(one: Statement, plain: Sequence[str]) -> CheckedSum | None:
    """Every link of a = b = c; of a wrong one its sum.  Raises BadRequest where one has no value.

    None: "problem 4 is 5 - 2" says nothing of 4.
    """
    sides = one.sides
    sums = [n for n, each in enumerate(sides) if each.is_sum]
    if not sums and ("=" in one.relations or any("%" in each for each in plain)):
        sums = [0]
    unsaid = any(r == "is" and not sides[n].is_sum for n, r in enumerate(one.relations))
    if not sums or (unsaid and one.before in NUMBERED):
        return None
    relations = ["=" if each == "is" else each for each in one.relations]
    if one.denied or relations != ["="] * len(relations):
        return _compare(one, plain, relations, sums)
    links = [*pairwise(zip(sides, plain, strict=True))]
    right = [_same(left, right) for left, right in links]
    if all(right):
        at = sums[0]
        answer = sides[-1] if at < len(sides) - 1 else sides[0]
        is_number = answer.remainder is None and re.fullmatch(r"[-− \d.,]+", answer.text)
        result = format_number(evaluate(plain[at])) if is_number else answer.text
    else:
        wrong = right.index(False)
        swapped = not sides[wrong].is_sum and sides[wrong + 1].is_sum
        answer = sides[wrong] if swapped else sides[wrong + 1]
        at = wrong + 1 if swapped else max((n for n in sums if n <= wrong), default=sums[0])
        result = format_number(evaluate(plain[at]))
    return CheckedSum(
        sum=sides[at].text,
        answer=answer.text,
        result=result,
        right=all(right),
        kind=_kind(plain[at]),
    )


_DENIED: Final = {"=": "≠", "≠": "=", "<": "≥", ">": "≤", "≤": ">", "≥": "<"}


def _compare(
    one: Statement, plain: Sequence[str], relations: Sequence[str], sums: Sequence[int]
) -> CheckedSum | None:
    """One relation that is not equality, or an equality that is denied."""
    if len(relations) != 1:
        return None
    relation = _DENIED[relations[0]] if one.denied else relations[0]
    left, right = zip(one.sides, plain, strict=True)
    if relation in "=≠":
        holds = _same(left, right) == (relation == "=")
    else:
        if any(each.remainder is not None for each in one.sides):
            return None
        here, there = Fraction(evaluate(plain[0])), Fraction(evaluate(plain[1]))
        holds = {"<": here < there, ">": here > there, "≤": here <= there, "≥": here >= there}[
            relation
        ]
    at = sums[0] if relation in "=≠" else 0
    return CheckedSum(
        sum=one.sides[at].text,
        answer=one.sides[1 - at].text,
        result=format_number(evaluate(plain[sums[0]])),
        right=holds,
        kind=_kind(plain[sums[0]]),
        relation=relation,
    )


def _same(left: tuple[Side, str], right: tuple[Side, str]) -> bool:
    """Equal, or as near as the digits that were given can be."""
    (side, plain), (other, said) = left, right
    if side.remainder is not None:
        raise BadRequest("A remainder is no number.")
    if other.remainder is not None:
        division = re.fullmatch(r"(\d{1,200}) / (\d{1,200})", plain)
        if division is None or not said.isdecimal():
            raise BadRequest("Only a division has a remainder.")
        whole, by = int(division[1]), int(division[2])
        if by == 0:
            raise BadRequest("This divides by zero.")
        return other.remainder < by and whole == by * int(said) + other.remainder
    here, there = Fraction(evaluate(plain)), Fraction(evaluate(said))
    rounded = Fraction(0)
    for known, given in ((here, said), (there, plain)):
        if (known * LAST_DECIMAL).denominator != 1:
            rounded = max(rounded, _last_digit(given))
    return abs(here - there) <= max(rounded, _ROOTS) / 2


def _last_digit(plain: str) -> Fraction:
    """What the last digit of a decimal or a percentage is worth; 0 of others."""
    found = re.fullmatch(r"(?:- )?\d*(?:\.(\d+))?( %)?", plain)
    if found is None or not (found[1] or found[2]):
        return Fraction(0)
    return Fraction(1, 10 ** (len(found[1] or "") + 2 * bool(found[2])))


def _kind(plain: str) -> str:
    signs = set(re.findall(r"(?<=[\d)] )(?:\*\*|[-+*/^])", plain))
    return _NAMES.get(signs.pop(), "arithmetic") if len(signs) == 1 else "arithmetic"
