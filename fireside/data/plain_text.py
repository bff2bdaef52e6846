"""A text as a person reads it: every digit, space, dash and letter in its plain form, and without
the characters that nobody sees.

    PlainText.of("4111\u00a01111").text == "4111 1111"

Each place of the plain text is a place of the text as written, so that what is found in the one can
be taken out of the other.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, Self

_DASHES: Final = frozenset("\u2212\u2043\u02d7\ufe63\uff0d")  # dashes by look, not by category
_DOTS: Final = frozenset("\u00b7\u2022\u2219\u22c5\u2024\u2027\u30fb")
_SLASHES: Final = frozenset("\u2044\u2215\u29f8\uff0f")
_KEYCAP: Final = frozenset("\ufe0e\ufe0f\u20e3")  # "4" in a box is a digit and two marks


class _PlainLetters(dict[int, str | None]):
    """A table for `str.translate` that grows with the characters which texts have."""

    def __missing__(self, code: int) -> str | None:
        made = self[code] = _plain_letter(chr(code))
        return made


def _plain_letter(letter: str) -> str | None:
    """One character, or None for what nobody sees."""
    category = unicodedata.category(letter)
    if category == "Cf" or letter in _KEYCAP:
        return None
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    if category == "Zs" or letter == "\t":
        return " "
    if category == "Pd" or letter in _DASHES:
        return "-"
    if letter in _DOTS:
        return "."
    if letter in _SLASHES:
        return "/"
    usual = unicodedata.normalize("NFKC", letter)
    return usual if len(usual) == 1 and usual.isascii() and category[0] in "LPS" else letter


_LETTERS: Final = _PlainLetters({code: chr(code) for code in range(128)} | {9: " "})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainText:
    """places: where each character of `text` stands in the text as written; None: at its own."""

    text: str
    places: list[int] | None = None

    @classmethod
    def of(cls, written: str) -> Self:
        if written.isascii():
            return cls(text=written.replace("\t", " "))
        plain = written.translate(_LETTERS)
        if len(plain) == len(written):
            return cls(text=plain)
        places = [at for at, letter in enumerate(written) if _LETTERS[ord(letter)] is not None]
        return cls(text=plain, places=places)

    def as_written(self, start: int, end: int) -> tuple[int, int]:
        """The same stretch, not empty, in the text as written."""
        if self.places is None:
            return start, end
        return self.places[start], self.places[end - 1] + 1
