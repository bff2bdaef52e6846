"""A learner's answers to sums, checked by arithmetic: a small tutor need not be good at it.

    question_in("Good. What is 7 × 8?")          -> "7 × 8"
    checked("I think it is 54", "7 × 8")         -> wrong
    checked("7 × 8 = 56, and 2 + 2 = 5", None)   -> right, wrong

A result that is rounded to its own last digit counts as right.  It refuses to judge anything but
numbers that it has read whole, and to guess which of several numbers is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice, pairwise
from typing import Final

from fireside.assistant.section import PersonaSection
from fireside.assistant.sums import Side, Statement, statements, words
from fireside.assistant.tools.arithmetic import value, written
from fireside.errors import BadRequest

_NAMES: Final = {"+": "addition", "-": "subtraction", "*": "multiplication", "/": "division"}
MOST: Final = 10
"""Sums of one message that are checked."""
MOST_READ: Final = 100
_ROOTS: Final = Fraction(1, 10**30)
"""As near as two numbers are that are the same, where a root is in them."""
_NUMBERED: Final = words(
    "question problem number step level exercise task page chapter grade class hint hints try no "
    "than over under about around almost near nearly between to from in at on until since after "
    "before am i'm me need want"
)
"""Words before a number that is no answer."""
PROGRESS: Final = re.compile(r"Progress in (\w+): (\d+) of (\d+) right\.")


class PracticeConfig(PersonaSection):
    """`[practice]` of a persona: what is said of a learner's answer to a sum.

    sums: whether answers are checked.  right, wrong: said before the model's own words; {sum},
        {answer} and, once it is known, {result} stand for what they name.
    """

    sums: bool = False
    right: str = "Right: {sum} = {result}."
    wrong: str = "Not yet: {sum} is not {answer}."

    def said(self, one: Checked) -> str:
        text = self.right if one.right else self.wrong
        for name, meant in (("sum", one.sum), ("answer", one.answer), ("result", one.result)):
            text = text.replace("{" + name + "}", meant)
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """sum, answer: as they were written.  result: the right one.  kind: of which arithmetic."""

    sum: str
    answer: str
    result: str
    right: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Of one kind of sum, over all conversations."""

    kind: str
    right: int = 0
    of: int = 0

    def after(self, one: Checked) -> Progress:
        return Progress(kind=self.kind, right=self.right + one.right, of=self.of + 1)

    @property
    def text(self) -> str:
        """As a memory keeps it; `progress_of` reads it."""
        return f"Progress in {self.kind}: {self.right} of {self.of} right."


def progress_of(text: str) -> Progress | None:
    found = PROGRESS.fullmatch(text.strip())
    return found and Progress(kind=found[1], right=int(found[2]), of=int(found[3]))


def question_in(text: str) -> str | None:
    """The last sum that a message asks for; none where it gives the result itself."""
    found = [each for each in statements(text) if each.sides[-1].is_sum and not each.signs]
    if not found:
        return None
    last = found[-1]
    rest = re.split(r"(?<=[.!?])\s", text[last.end :], maxsplit=1)[0]
    return last.sides[0].text if last.clear and ("?" in rest or "=" in rest) else None


def checked(message: str, question: str | None) -> Sequence[Checked]:
    """What a learner's message says of sums: those that it writes out, else of the question."""
    found = list(islice(statements(message), MOST_READ))
    made = (_check(each) for each in found if each.signs and each.clear)
    equations = [*islice((one for one in made if one), MOST)]
    if equations or question is None or question_in(message) is not None:
        return equations
    one = _answered(found, question)
    return [one] if one else []


def _check(one: Statement) -> Checked | None:
    """None where it cannot be told: without a value, or right only if a comma is read otherwise."""
    plain = [each.plain for each in one.sides]
    if len(set(plain)) == 1 and one.sides[-1].remainder is None:
        return None
    try:
        made = _chain(one, plain)
        if made is None or made.right:
            return made
        if one.dashed or (len(one.signs) > 1 and any(each.unsure for each in one.sides)):
            return None
        pointed = [each.pointed for each in one.sides]
        if pointed != plain and "" not in pointed:
            other = _chain(one, pointed)
            return None if other is None or other.right else made
    except BadRequest:
        return None
    return made


def _answered(found: Sequence[Statement], question: str) -> Checked | None:
    """The one number of a message, as the answer to a question."""
    asked = next(statements(question), None)
    first = found[0] if found else None
    if asked is None or first is None or any(each.signs or not each.clear for each in found):
        return None
    sides = [each.sides[0] for each in found]
    if len({(each.plain, each.remainder) for each in sides}) > 1 or not sides[0].is_value:
        return None
    if first.before in _NUMBERED:
        return None
    return _check(
        Statement(
            sides=[asked.sides[0], sides[0]],
            signs=[True],
            opens=False,
            clear=True,
            dashed=asked.dashed or first.dashed,
            before="",
            end=0,
        )
    )


def _chain(one: Statement, plain: Sequence[str]) -> Checked | None:
    """Every link of a = b = c; of a wrong one its sum.  Raises BadRequest where one has no value.

    None: "problem 4 is 5 - 2" says nothing of 4.
    """
    sides = one.sides
    sums = [n for n, each in enumerate(sides) if each.is_sum]
    if not sums or any(not sign and not sides[n].is_sum for n, sign in enumerate(one.signs)):
        return None
    links = [*pairwise(zip(sides, plain, strict=True))]
    right = [_same(left, right) for left, right in links]
    if all(right):
        at = sums[0]
        answer = sides[-1] if at < len(sides) - 1 else sides[0]
        is_number = answer.remainder is None and re.fullmatch(r"[-− \d.,]+", answer.text)
        result = written(value(plain[at])) if is_number else answer.text
    else:
        wrong = right.index(False)
        swapped = not sides[wrong].is_sum and sides[wrong + 1].is_sum
        answer = sides[wrong] if swapped else sides[wrong + 1]
        at = wrong + 1 if swapped else max((n for n in sums if n <= wrong), default=sums[0])
        result = written(value(plain[at]))
    return Checked(
        sum=sides[at].text,
        answer=answer.text,
        result=result,
        right=all(right),
        kind=_kind(plain[at]),
    )


def _same(left: tuple[Side, str], right: tuple[Side, str]) -> bool:
    """Equal, or as near as the digits that were given can be."""
    (side, plain), (other, said) = left, right
    if side.remainder is not None:
        raise BadRequest("A remainder is no number.")
    if other.remainder is not None:
        division = re.fullmatch(r"(\d+) / (\d+)", plain)
        if division is None or not said.isdecimal():
            raise BadRequest("Only a division has a remainder.")
        whole, by = int(division[1]), int(division[2])
        return other.remainder < by and whole == by * int(said) + other.remainder
    off = abs(Fraction(value(plain)) - Fraction(value(said)))
    return off <= max(_last_digit(said) or _last_digit(plain), _ROOTS) / 2


def _last_digit(plain: str) -> Fraction:
    """What the last digit of a decimal or a percentage is worth; 0 of others."""
    found = re.fullmatch(r"(?:- )?\d*(?:\.(\d+))?( %)?", plain)
    if found is None or not (found[1] or found[2]):
        return Fraction(0)
    return Fraction(1, 10 ** (len(found[1] or "") + 2 * bool(found[2])))


def _kind(plain: str) -> str:
    signs = set(re.findall(r"(?<=[\d)] )(?:\*\*|[-+*/^])", plain))
    return _NAMES.get(signs.pop(), "arithmetic") if len(signs) == 1 else "arithmetic"
