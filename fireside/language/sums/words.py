"""Sums in words, written with digits and signs, so that `sums.py` can read them.

    in_signs("the square of twelve is 154")     -> "12 ^ 2 is 154"
    in_signs("3/4 of 20 must be 12")            -> "3/4 × 20 is 12"

Only what stands beside numbers is changed; all other words stay as they are.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from functools import lru_cache
from typing import Final

from fireside.language.numbers import TENS, UNITS, find_numbers

LONGEST: Final = 4_000
"""Letters of a text that are looked at; nobody writes more sums at once."""


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]

_N: Final = r"(-?(?<![\d.,])\d{1,40}(?:[.,]\d{1,40}){0,9}(?:/\d{1,20})?)"
_OPERATION: Final = r"(?:[-+*/×÷·x^−]|times|plus|minus|divided by|multiplied by|mod)"
_END: Final = r"(?![\d/%^²³]|[.,]\d|[ ]?[-+*/×÷·^−–][ ]?[\d(])"
"""No more arithmetic: "half of 8 + 2" can be read in two ways, and is not read."""
_PARTS: Final = {
    "hal(?:f|ves)": 2, "thirds?": 3, "(?:quarters?|fourths?)": 4, "fifths?": 5, "sixths?": 6,
    "sevenths?": 7, "eighths?": 8, "ninths?": 9, "tenths?": 10, "twelfths?": 12,
    "hundredths?": 100,
}  # fmt: skip
_SIGNS: Final = {
    "²": " ^ 2", "³": " ^ 3", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3",
                 "⅔": " 2/3", "⁄": "/", "∙": "×", "⋅": "×", "✕": "×", "✖": "×", "＝": "=",
}  # fmt: skip
_CHINESE: Final = {"乘以": "×", "乘": "×", "除以": "÷", "加上": "+", "加": "+", "减去": "-",
                   "减": "-", "等于": "="}  # fmt: skip
_MODAL: Final = r"(?:would|should|could|must|might|may|will|can|has to|have to|ought to|'ll)"
_SUBJECT: Final = r"(?:you|we|i|one|it|they|he|she)"
_NOT: Final = (
    rf"(?:(?:is|are|was)(?:n['’]?t| not)|{_MODAL} not be|(?:can|could|would|should)n['’]?t be|"
    r"cannot be|(?:does|do|did)(?:n['’]?t| not)"
    r" (?:equal|make|give|come to|come out (?:as|at|to)|add up to|=)|is never|!=|≠|=/=)"
)
_ADVERB: Final = (
    r"(?:(?:definitely|probably|maybe|perhaps|possibly|surely|certainly|then|just|also|exactly|"
    r"indeed|still|really|actually|only|simply|clearly|obviously|always|therefore|thus|equal to|"
    r"the same as|supposed to be|meant to be|going to be|precisely|of course|again),? )"
)
_IS: Final = (
    r"(?:,? (?:and |so |then ){0,3}"
    rf"(?:{_SUBJECT} (?:get|gets|got|have|will get|would get|come to)|"
    rf"(?:get|got|found|have|obtained)(?: it to be)?|"
    rf"(?:that|it|this)(?:['’]s| is| makes| gives| equals)|that {_MODAL} be)|"
    rf" {_MODAL} be|['’]s| was| comes? (?:out )?(?:to|as|at)(?: be)?| came (?:out )?(?:to|as|at)|"
    r" works? out (?:to|as|at)(?: be)?| amounts? to| adds? up to| results? in| yields?|"
    r" turns? out to be| gives? (?:you|us|me)| leaves?| ?(?:→|⇒|=>|->))"
)
_COMPARED: Final = {
    ">": r"(?:is )?(?:more|greater|bigger|larger|higher) than",
    "<": r"(?:is )?(?:less|fewer|smaller|lower) than",
}
_BEFORE_NUMBER: Final = r"(?=\s{0,3}[-−√(]?\s{0,3}\.?\d)"
_UNIT: Final = re.compile(r"(?<=\d) ?([a-z]{1,15})\b", re.I)
_NO_UNIT: Final = words(
    "x and or is are was be to of by the times plus minus divided multiplied equals equal makes "
    "make gives give from than more less mod percent remainder rem r with over take into not isn "
    "then squared cubed right so but because point"
)
_MONEY: Final = re.compile(r"[$€£]\s?(?=\d)|(?<=\d)\s?(?:[€°]|°[CF]\b)")


@lru_cache(64)
def write_in_signs(text: str) -> str:
    """The text itself, where no sum stands in words."""
    text = text[:LONGEST]
    for sign, plain in _SIGNS.items():
        text = text.replace(sign, plain)
    text = _with_digits(text)
    for pattern, made in _RULES:
        text = pattern.sub(made, text)
    return "\n".join(map(_without_units, text.split("\n")))


def _with_digits(text: str) -> str:
    for pattern, made in _FRACTIONS:
        text = pattern.sub(made, text)
    for each in reversed(find_numbers(text)):
        if not each.words[-1].isdigit():
            text = text[: each.start] + each.value + text[each.end :]
    for single in _SINGLE:
        text = single.sub(lambda m: str((UNITS | TENS)[m[0].lower()]), text)
    for word, sign in _CHINESE.items():
        text = re.sub(rf"(?<=\d) ?{word} ?(?=\d)", f" {sign} ", text)
    for pattern, made in _DECIMALS:
        text = pattern.sub(made, text)
    return text


def _without_units(line: str) -> str:
    """A line whose numbers all have the same unit, without it: "3 cm + 4 cm = 7 cm"."""
    money = [each.strip() for each in _MONEY.findall(line)]
    if len(money) > 1 and len(set(money)) == 1:
        line = _MONEY.sub("", line)
    units = Counter(
        each.lower().rstrip("s") for each in _UNIT.findall(line) if each.lower() not in _NO_UNIT
    )
    if len(units) != 1 or units.total() < 2:
        return line
    (unit,) = units
    return re.sub(rf"(?<=\d) ?{re.escape(unit)}s?\b", "", line, flags=re.I)


def _rule(pattern: str, made: str | Callable[[re.Match[str]], str]) -> Rule:
    return re.compile(pattern, re.I), made


def _with_operation(sign: str) -> Callable[[re.Match[str]], str]:
    def joined(match: re.Match[str]) -> str:
        return f" {sign} ".join(re.findall(_N, match[1]))

    return joined


def _difference(match: re.Match[str]) -> str:
    """Whichever is larger stands first."""
    one, other = match[1], match[2]
    try:
        swapped = Decimal(one.replace(",", "")) < Decimal(other.replace(",", ""))
    except ArithmeticError:  # a fraction
        swapped = False
    return f"{other} - {one}" if swapped else f"{one} - {other}"


_LIST: Final = rf"({_N}(?:(?:, and |, | and |,? plus ){_N}){{1,9}})"
_COUNTED: Final = "|".join([*list(UNITS)[1:13], "a", "an"])
_NUMBER_WORD: Final = "|".join([*UNITS, *TENS])
_SINGLE: Final = (
    re.compile(rf"\b(?:{_NUMBER_WORD})\b(?= and (?:\d|(?:{_NUMBER_WORD})\b))", re.I),
    re.compile(rf"(?<=\d and )(?:{_NUMBER_WORD})\b", re.I),
)
"""Of "seven and eight"; together they are no number."""


def _fraction(below: int) -> Callable[[re.Match[str]], str]:
    return lambda m: f"{UNITS.get(m[1].lower(), 1)}/{below}"


_FRACTIONS: Final[tuple[Rule, ...]] = tuple(
    _rule(rf"\b({_COUNTED})[ -]{name}\b(?!\s+(?:one|question|exercise|problem))", _fraction(below))
    for name, below in _PARTS.items()
)
_DECIMALS: Final[tuple[Rule, ...]] = (
    _rule(r"\b(\d+) point ((?:\d ?){1,9})(?<=\d)", lambda m: f"{m[1]}.{m[2].replace(' ', '')}"),
    _rule(r"(?<![\d/] )(?<![\d/])\b(\d+) and (?=\d+/\d)", r"\1 "),
    _rule(r"\bnegative (?=\d)", "-"),
    _rule(r"\bper cent\b", "percent"),
)
_RULES: Final[tuple[Rule, ...]] = (
    _rule(
        rf"\bhow many times (?:does|do|can) {_N} (?:go|goes|fit) (?:in)?to {_N}",
        r"what is \2 ÷ \1",
    ),
    _rule(rf"\b{_N} goes into {_N},? (?:exactly )?{_N} times\b", r"\2 ÷ \1 is \3"),
    _rule(rf"\b(?:the )?remainder (?:of|when) {_N} (?:is )?(?:divided by|÷|/) {_N}", r"\1 mod \2"),
    _rule(r"\b(\d) tens? and (\d)(?: ones?)?\b", r"\1\2"),
    *(
        _rule(rf"\b{_N} {word}(?:e?s)\b", rf"\1 × {number}")
        for word, number in (UNITS | {"six": 6}).items()
        if 1 < number < 13 and word != "ten"
    ),
    _rule(rf"\b{_N} by {_N}(?= (?:is|are|equals?|makes?|gives?)\b| ?=)", r"\1 × \2"),
    _rule(rf"\b(?:(?:the )?square root of|(?:square )?root of|sqrt of) {_N}{_END}", r"√\1"),
    _rule(rf"\bsqrt ?\({_N}\)", r"√\1"),
    _rule(r"(?<=[\d%]) as an? (?:percentage|percent|decimal|fraction)\b", ""),
    _rule(rf"\b(?:the )?cube root of {_N}{_END}", r"\1 ^ (1/3)"),
    _rule(rf"\b(?:the )?square of {_N}{_END}", r"\1 ^ 2"),
    _rule(rf"\b(?:the )?cube of {_N}{_END}", r"\1 ^ 3"),
    _rule(rf"(?<![\d-]){_N} squared\b", r"\1 ^ 2"),
    _rule(rf"(?<![\d-]){_N} cubed\b", r"\1 ^ 3"),
    _rule(rf"{_N} to the (?:power of |power ){_N}", r"\1 ^ \2"),
    _rule(rf"{_N} to the (\d+)(?:st|nd|rd|th)(?: power)?\b", r"\1 ^ \2"),
    _rule(rf"\b(?:the )?(?:sum|total) of {_LIST}{_END}", _with_operation("+")),
    _rule(rf"\b(?:the )?product of {_LIST}{_END}", _with_operation("×")),
    _rule(rf"\b(?:the )?quotient of {_N} and {_N}{_END}", r"\1 ÷ \2"),
    _rule(rf"\b(?:the )?difference (?:between|of) {_N} and {_N}{_END}", _difference),
    _rule(rf"\b(?:multiply|multiplying) {_N} (?:by|with|and|times) {_N}{_END}", r"\1 × \2"),
    _rule(rf"\b(?:divide|dividing) {_N} by {_N}{_END}", r"\1 ÷ \2"),
    _rule(rf"\b(?:add|adding) {_N} (?:and|to|plus|with) {_N}{_END}", r"\1 + \2"),
    _rule(rf"\b(?:subtract|subtracting) {_N} from {_N}{_END}", r"\2 - \1"),
    _rule(rf"\b(?:take|taking|took) {_N} (?:away )?from {_N}{_END}", r"\2 - \1"),
    _rule(
        rf"(?<![\d/]){_N} (?:taken |subtracted )?from {_N}(?= (?:is|leaves|gives|equals)\b)",
        r"\2 - \1",
    ),
    _rule(
        rf"(?<![\d/]){_N}(?: and |, ){_N},? (?:together )?"
        r"(?:makes?|adds? up to|come to|are together|total)\b",
        r"\1 + \2 is",
    ),
    _rule(rf"{_N} (?:added to|together with) {_N}", r"\1 + \2"),
    _rule(rf"{_N} (?:take away|takeaway) {_N}", r"\1 - \2"),
    _rule(rf"{_N} (?:multiplied with|lots of|groups of|sets of|rows of) {_N}", r"\1 × \2"),
    _rule(rf"\b(?:a |one )?half (?:of )?{_N}{_END}", r"1/2 × \1"),
    _rule(rf"(?<![\d.,/])(\d+/\d+) of (?:a )?{_N}{_END}", r"\1 × \2"),
    _rule(rf"\b(?:twice|(?:the )?double(?: of)?) {_N}{_END}", r"2 × \1"),
    _rule(rf"\b(?:thrice|(?:the )?triple(?: of)?) {_N}{_END}", r"3 × \1"),
    _rule(rf"(?<![\d.])(\d[\d.]*) ?(?:%|percent) off {_N}{_END}", r"\2 - \1% of \2"),
    _rule(r"(?<=\d),?(?: and| with)?(?: a)? (?:remainder|rest)(?: of| is)? (?=\d)", " remainder "),
    _rule(r"(?<=\d) and (\d+) (?:are |is )?left(?: over)?\b", r" remainder \1"),
    _rule(r"(?<=\d) with (\d+) (?:are |is )?left(?: over)?\b", r" remainder \1"),
    *(
        _rule(rf"(?<=[\d)]) {phrase}{_BEFORE_NUMBER}", f" {sign}")
        for sign, phrase in _COMPARED.items()
    ),
    _rule(rf"(?<=[\d)%]) ?{_NOT} ?{_ADVERB}?{_BEFORE_NUMBER}", " ≠ "),
    _rule(rf"(?<=[\d)%]){_IS} ?{_ADVERB}{{0,3}}{_BEFORE_NUMBER}", " is "),
    _rule(rf"\b(is|are|equals?|makes?|gives?) {_ADVERB}{{1,3}}{_BEFORE_NUMBER}", r"\1 "),
    _rule(
        rf"\b(?:is|are|isn['’]?t|aren['’]?t|was|wasn['’]?t|does|would|could) "
        rf"(?P<sum>√{_N}|{_N}(?: ?{_OPERATION} ?{_N}){{1,6}}),? "
        rf"(?:really |perhaps |be )?(?P<got>{_N})\b"
        rf"(?! ?{_OPERATION}| ?=)",
        r"\g<sum> is \g<got>",
    ),
    _rule(
        rf"\b(?:is|was|isn['’]?t) {_N},? (?:the |a )?(?:right |correct )?"
        rf"(?:answer|result|solution|product|sum|total)? ?(?:to|of|for) (?=\d)",
        r"\1 is ",
    ),
    _rule(r"\(r(?:em(?:ainder)?)?\.? ?(\d+)\)", r"r \1"),
    _rule(
        r"(?<=\d) (?:is|was) (?:what you get (?:for|from)|"
        rf"(?:the )?(?:answer|result|solution) (?:to|of|for)) {_BEFORE_NUMBER}",
        " is ",
    ),
)  # fmt: skip
