"""A learner's answers to sums, checked by arithmetic: a small tutor need not be good at it.

    question_in("Good. What is 7 × 8?")          -> "7 × 8"
    checked("I think it is 54", "7 × 8")         -> wrong
    checked("7 × 8 = 56, and 2 + 2 = 5", None)   -> right, wrong

A result that is rounded to its own last digit counts as right.  It refuses to judge anything but
numbers, and to guess which of several numbers is the answer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final

from fireside.assistant.section import PersonaSection
from fireside.assistant.tools.arithmetic import value, written
from fireside.errors import BadRequest

_WORDS: Final = {
    "multiplied by": "*", "divided by": "/", "times": "*", "plus": "+", "minus": "-",
}  # fmt: skip
_SIGNS: Final = str.maketrans("x×·:÷−", "***//-")
_SIGN: Final = rf"(?:\*\*|[-+*/^x×·:÷−]|\b(?:{'|'.join(_WORDS)})\b)"
_NUMBER: Final = r"\(*[-−]?\d+(?:,\d{3})*(?:\.\d+)?\)*"
_SUM: Final = re.compile(rf"(?<![\w.]){_NUMBER}(?:\s*{_SIGN}\s*{_NUMBER})+(?![\w])", re.IGNORECASE)
_RESULT: Final = re.compile(r"\s*(?:=|is|makes|equals|gives)\s*([-−]?\d+(?:,\d{3})*(?:\.\d+)?)\b")
_LONE: Final = re.compile(r"(?<![\w.,])[-−]?\d+(?:,\d{3})*(?:\.\d+)?(?![\w]|[.,]\d)")
_NAMES: Final = {"+": "addition", "-": "subtraction", "*": "multiplication", "/": "division"}
MOST: Final = 10
"""Sums of one message that are checked."""
LONGEST: Final = 200
"""Letters of a sum and its answer."""
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
    found = [each for each in _SUM.finditer(text) if not _RESULT.match(text, each.end())]
    if not found:
        return None
    last = found[-1]
    rest = re.split(r"(?<=[.!?])\s", text[last.end() :], maxsplit=1)[0]
    return last[0] if "?" in rest or "=" in rest else None


def checked(message: str, question: str | None) -> Sequence[Checked]:
    """What a learner's message says of sums: those that it writes out, else of the question."""
    equations = [
        one
        for found in _SUM.finditer(message)
        if (result := _RESULT.match(message, found.end()))
        if (one := _check(found[0], result[1]))
    ]
    if equations or question is None or _SUM.search(message):
        return equations[:MOST]
    numbers = _LONE.findall(message)
    one = _check(question, numbers[0]) if len(set(numbers)) == 1 else None
    return [one] if one else []


def _check(sum_: str, answer: str) -> Checked | None:
    """None where the sum has no value, or is longer than a person would write one."""
    if len(sum_) + len(answer) > LONGEST:
        return None
    plain = sum_.lower()
    for word, sign in _WORDS.items():
        plain = plain.replace(word, sign)
    plain = plain.translate(_SIGNS)
    try:
        result = value(plain)
        given = Decimal(answer.replace(",", "").replace("−", "-"))
    except (BadRequest, InvalidOperation):
        return None
    return Checked(
        sum=sum_.strip(),
        answer=answer,
        result=written(result),
        right=_same(Fraction(result), given),
        kind=_kind(plain),
    )


def _same(result: Fraction, given: Decimal) -> bool:
    """Equal, or as near as the digits that were given can be."""
    exponent = given.as_tuple().exponent
    digit = Fraction(10) ** exponent if isinstance(exponent, int) and exponent < 0 else Fraction(0)
    return abs(result - Fraction(given)) <= digit / 2


def _kind(plain: str) -> str:
    signs = set(re.findall(r"(?<=[\d)\s])[-+*/^]", plain))
    return _NAMES.get(signs.pop(), "arithmetic") if len(signs) == 1 else "arithmetic"
