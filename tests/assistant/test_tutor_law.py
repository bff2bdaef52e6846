"""The tutor's law: no wrong result is confirmed and no right one denied, whatever the words."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction

import pytest

from fireside.assistant.exercises import lesson_of, reply_to
from fireside.assistant.practice import PracticeConfig
from fireside.language.arithmetic import format_number
from fireside.language.sums.judging import check_equations
from fireside.messages import Message

CONFIG = PracticeConfig(sums=True)

NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
)
ONES = dict(enumerate(NAMES.split()))
DECADES = "twenty thirty forty fifty sixty seventy eighty ninety"
TENS = dict(enumerate(DECADES.split(), 2))


def spelled(number: int) -> str:
    """As English writes it; from -999 to 9,999."""
    if number < 0:
        return f"minus {spelled(-number)}"
    if number < 20:
        return ONES[number]
    if number < 100:
        return TENS[number // 10] + (f"-{ONES[number % 10]}" if number % 10 else "")
    if number < 1000:
        rest = f" and {spelled(number % 100)}" if number % 100 else ""
        return f"{ONES[number // 100]} hundred{rest}"
    rest = f" {spelled(number % 1000)}" if number % 1000 else ""
    return f"{spelled(number // 1000)} thousand{rest}"


Exercise = tuple[list[str], Fraction]
"""Ways to write it, and its result."""


def whole_numbers(random: random.Random) -> Exercise:
    a, b = random.randint(2, 99), random.randint(2, 99)
    name = random.choice("+-*/")
    if name == "+":
        return [f"{a} + {b}", f"{a}+{b}", f"{a} plus {b}", f"{spelled(a)} plus {spelled(b)}",
                f"the sum of {a} and {b}", f"adding {a} and {b}"], Fraction(a + b)  # fmt: skip
    if name == "-":
        return [f"{a} - {b}", f"{a} − {b}", f"{a} minus {b}", f"{spelled(a)} minus {spelled(b)}",
                f"{a} take away {b}"], Fraction(a - b)  # fmt: skip
    if name == "*":
        return [f"{a} × {b}", f"{a}*{b}", f"{a}x{b}", f"{a} times {b}", f"{a} multiplied by {b}",
                f"{spelled(a)} times {spelled(b)}",
                f"the product of {a} and {b}"], Fraction(a * b)  # fmt: skip
    return [f"{a * b} / {b}", f"{a * b} ÷ {b}", f"{a * b} divided by {b}"], Fraction(a)


def part(random: random.Random) -> Exercise:
    below = random.choice([2, 3, 4, 5, 8, 10])
    above = random.randint(1, below - 1)
    of = below * random.randint(1, 20)
    kind = random.randint(0, 3)
    if kind == 0:
        return [f"{above}/{below} of {of}"], Fraction(above * of, below)
    if kind == 1:
        percent = random.choice([5, 10, 17, 25, 50, 75, 120])
        return [
            f"{percent}% of {of}",
            f"{percent} percent of {of}",
            f"{percent} per cent of {of}",
        ], (Fraction(percent * of, 100))
    other = random.randint(1, 9)
    if kind == 2:
        return [f"{above}/{below} + {other}/{below}"], Fraction(above + other, below)
    return [f"half of {2 * of}", f"one half of {2 * of}"], Fraction(of)


def point(random: random.Random) -> Exercise:
    a, b = Fraction(random.randint(1, 999), 100), Fraction(random.randint(1, 99), 10)
    return [f"{float(a):.2f} + {float(b)}", f"{float(a):.2f} plus {float(b)}"], a + b


def named(random: random.Random) -> Exercise:
    a = random.randint(2, 30)
    return random.choice(
        [
            ([f"the square of {a}", f"{a} squared", f"{a}²", f"{a}^2"], Fraction(a * a)),
            ([f"the square root of {a * a}", f"√{a * a}"], Fraction(a)),
            ([f"twice {a}", f"double {a}"], Fraction(2 * a)),
            ([f"the cube of {a}", f"{a} cubed"], Fraction(a**3)),
            ([f"minus {a} plus 5", f"-{a} + 5"], Fraction(5 - a)),
        ]
    )


KINDS: list[Callable[[random.Random], Exercise]] = [
    whole_numbers,
    whole_numbers,
    part,
    point,
    named,
]

STATED = [
    "{s} = {r}", "{s} is {r}", "so {s} is {r}", "{s} equals {r}", "I think {s} is {r}",
    "{s} makes {r}, right?", "is {s} {r}?", "Is {s} equal to {r}?", "isn't {s} {r}?",
    "does {s} equal {r}?", "{r} is {s}", "{s} must be {r}", "{s} would be {r}.", "{s}... {r}!",
    "I worked out {s} and got {r}", "for {s} I get {r}", "{s}? that's {r}", "{s} gives {r} I guess",
    "my teacher says {s} is {r}", "because {s} = {r}", "{s} is definitely {r}", "{s} comes to {r}",
    "pretty sure {s} is {r}", "could {s} be {r}?", "I know that {s} is {r}, thanks",
    "ok so {s} = {r} :)", "({s} = {r})", "**{s} = {r}**", "{s} = {r} apples",
    "hm, {s} should be {r}",
    "{s}: {r}", "{s} is {r} because I counted", "So {s} IS {r}", "Yes! {s} = {r}",
]  # fmt: skip
ALONE = [
    "{r}", "I think {r}", "is it {r}?", "it's {r}", "{r}?", "maybe {r}", "that would be {r}",
    "the answer is {r}", "My answer: {r}", "I'd say {r}", "could it be {r}?", "{r}, I think",
    "it must be {r}!", "{r} is my answer", "hmm {r}", "I got {r}", "so {r}", "{r} right?",
    "it is {r} isn't it", "My result is {r}.", "{r} obviously", "oh, {r}", "Then it's {r}",
]  # fmt: skip
ASKED = ["What is {s}?", "Good. And what is {s}?", "Let us begin: {s} = ?", "How much is {s}?"]


def write_result(result: Fraction, random: random.Random) -> str:
    if result.denominator == 1:
        number = int(result)
        return random.choice([str(number), str(number), spelled(number)])
    text = format_number(result)
    if "≈" in text:
        return f"{result.numerator}/{result.denominator}"
    return random.choice([text, text + "0", text])


def wrong(result: Fraction, random: random.Random) -> Fraction:
    step = 1 if result.denominator == 1 else Fraction(1, result.denominator)
    return result + random.choice([-10, -2, -1, 1, 2, 10]) * step


@pytest.mark.parametrize("seed", range(3))
def test_no_wrong_result_is_confirmed_and_no_right_one_denied(seed: int) -> None:
    chance = random.Random(seed)
    unjudged = []
    for _ in range(350):
        ways, result = chance.choice(KINDS)(chance)
        way = chance.choice(ways)
        is_right = chance.random() < 0.5
        answer = write_result(result if is_right else wrong(result, chance), chance)
        history = []
        if chance.random() < 0.5:
            said = chance.choice(STATED).format(s=way, r=answer)
        else:
            asked = chance.choice(ASKED).format(s=way)
            history = [Message(role="assistant", content=asked)]
            said = chance.choice(ALONE).format(r=answer)
        found, reply = reply_to(said, lesson_of(history), CONFIG.verdict_on)
        reply = reply or ""
        where = f"{[each.content for each in history]} {said!r} -> {reply!r}"
        assert not ("Right:" in reply and not is_right), where
        assert not ("Not yet" in reply and is_right), where
        assert all(each.right for each in check_equations(reply)), where
        if not found.sums:
            unjudged.append(where)
    assert len(unjudged) <= 0.02 * 350, unjudged
