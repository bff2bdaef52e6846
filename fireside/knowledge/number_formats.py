"""What a number format of a sheet writes around a number: units, currencies, words instead of it
(ECMA-376 part 1, 18.8.31).

A number keeps all of its digits: a format rounds what is shown, not what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import takewhile
from typing import Final

LONGEST: Final = 255  # characters of a format

_TOKEN: Final = re.compile(
    r'"(?P<quoted>[^"]{0,255})"|\\(?P<escaped>.)|_(?P<space>.)|\*.|\[(?P<bracket>[^\]]{0,255})\]'
    r"|(?P<end>;)|(?P<general>General)|(?P<power>E[+-])|(?P<other>.)",
    re.I | re.S,
)
_CONDITION: Final = re.compile(r"(<=|>=|<>|<|>|=)\s*(-?\d{1,15}(?:\.\d{1,15})?)\s*")
_SIGNS: Final = "()+- "  # the number has its sign already


@dataclass(frozen=True, slots=True)
class Piece:
    """is_literal: its text is shown; else it is one character of the format's code."""

    text: str
    is_literal: bool

    @property
    def is_digit(self) -> bool:
        """Whether the number, or a digit of it, stands here."""
        return not self.is_literal and self.text.lower() in ("0", "#", "?", "general")


@dataclass(frozen=True, slots=True)
class Section:
    """condition: operator and number; None where the section's place decides."""

    pieces: tuple[Piece, ...]
    condition: tuple[str, float] | None

    @property
    def code(self) -> str:
        """The format without what it shows as it stands, in lower case."""
        return "".join(each.text for each in self.pieces if not each.is_literal).lower()

    def holds(self, amount: float) -> bool:
        if self.condition is None:
            return True
        operator, limit = self.condition
        return {
            "<": amount < limit, "<=": amount <= limit, ">": amount > limit,
            ">=": amount >= limit, "=": amount == limit, "<>": amount != limit,
        }[operator]  # fmt: skip


@lru_cache(maxsize=256)
def sections_of(code: str) -> tuple[Section, ...]:
    return tuple(_sections(code[:LONGEST])) or (Section((), None),)


def _sections(code: str) -> Iterator[Section]:
    pieces: list[Piece] = []
    condition: tuple[str, float] | None = None
    for match in _TOKEN.finditer(code):
        kind, text = match.lastgroup, match[match.lastgroup] if match.lastgroup else ""
        if kind == "end":
            yield Section(tuple(pieces), condition)
            pieces, condition = [], None
        elif kind in ("quoted", "escaped"):
            pieces.append(Piece(text, is_literal=True))
        elif kind == "space":
            pieces.append(Piece(" ", is_literal=True))
        elif kind == "bracket":
            if found := _CONDITION.fullmatch(text):
                condition = found[1], float(found[2])
            elif text.startswith("$"):  # a currency, and the country that it is written as in
                pieces.append(Piece(text[1:].partition("-")[0], is_literal=True))
            elif text[:1].lower() in ("h", "m", "s"):
                pieces.append(Piece(f"[{text}]", is_literal=False))
        elif kind in ("general", "power"):
            pieces.append(Piece(text, is_literal=False))
        elif kind == "other":
            pieces.append(Piece(text, is_literal=text in "$-+/(): !^&'~{}<>=€£¥"))
    yield Section(tuple(pieces), condition)


def section_for(code: str, amount: float) -> Section:
    """Which of a format's sections shows an amount: for positive, negative and zero, or by their
    conditions."""
    sections = sections_of(code)[:3]
    if any(each.condition for each in sections):
        return next((each for each in sections if each.holds(amount)), sections[-1])
    if amount < 0 and len(sections) > 1:
        return sections[1]
    return sections[2] if amount == 0 and len(sections) > 2 else sections[0]


def write_in(section: Section, amount: float, digits: str) -> str:
    """digits: the amount as it is written without a format."""
    places = [n for n, each in enumerate(section.pieces) if each.is_digit]
    if not places:
        return _join(section.pieces) or digits
    begin, end = places[0], places[-1] + 1
    before, middle, after = (
        section.pieces[:begin], section.pieces[begin:end], section.pieces[end:],
    )  # fmt: skip
    if _is_mask(middle) and amount >= 0 and amount == int(amount) < 1e15:
        return _join([*before, Piece(_fill(middle, str(int(amount))), is_literal=True), *after])
    scale = len(list(takewhile(lambda each: each == Piece(",", is_literal=False), after)))
    unit = [] if _join(after).strip(_SIGNS) == "" else list(after)
    if scale and unit:
        digits = f"{amount / 1000**scale:.15g}"
    signs = len(list(takewhile(lambda each: each.text in _SIGNS, before)))
    return _join([*before[signs:], Piece(digits, is_literal=True), *unit])


def _join(pieces: Sequence[Piece]) -> str:
    text = "".join(each.text for each in pieces if each.is_literal or each.text == "%")
    return " ".join(text.split())


def _is_mask(pieces: Sequence[Piece]) -> bool:
    """Digits in groups, as a telephone's number has them, or a code that begins with zeros."""
    codes = "".join(each.text for each in pieces if not each.is_literal)
    between = "".join(each.text for each in pieces if each.is_literal)
    if not set(codes) <= set("0#?") or "/" in between:
        return False
    return bool(between) or codes == "0" * len(codes) != "0"


def _fill(mask: Sequence[Piece], digits: str) -> str:
    """The digits in a mask's places, from the right; those that are over before the first."""
    digits = digits.zfill(sum(each.text == "0" for each in mask if each.is_digit))
    places = sum(each.is_digit for each in mask)
    written = ""
    for each in reversed(mask):
        if not digits:
            break
        if each.is_literal:
            written = each.text + written
            continue
        places -= 1
        digits, piece = (digits[:-1], digits[-1]) if places else ("", digits)
        written = piece + written
    return written
