"""Card and telephone numbers that Presidio's recognisers do not know, with checks of our own.

Cards of every maker and length (Luhn, and the maker's own digits at the front); numbers written
internationally, with an extension, or behind a word such as "call me at".  It refuses to take a
bare row of digits for a telephone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fireside.data.forms import Span

_DIGITS: Final = re.compile(r"(?<![\w.+/-])\d(?:[ -]?\d){11,18}(?![\w/])(?!\.\d)")
_CARD: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|(?:2131|1800)\d{11}|220[0-4]\d{12}"
)
_MAESTRO: Final = re.compile(r"(?:50|5[6-9]|6\d)\d{10,17}")
_CARD_WORD: Final = re.compile(r"(?i)\b(?:card|credit|debit|visa|maestro|mastercard|amex|cc|karte)")
_EXTENSION: Final = r"(?:[ ]?(?:x|ext\.?|extension|#)[ ]?\d{1,6})?"
_WRITTEN: Final = re.compile(
    r"(?<![\w+.-])(?:(?:\+|00)[1-9](?:[ ().-]{0,3}\d){6,14}"
    r"|(?:001[-. ])?\(?[2-9]\d{2}\)?[-. ]\d{3}[-.]\d{4})" + _EXTENSION + r"(?!\w)(?![.-]\d)"
)
_SAID: Final = re.compile(
    r"(?i)\b(?:phone|telephone|tel|mobile|cell|cellphone|fax|whatsapp|call(?:ing)?|dial|text|"
    r"reach|ring|telefon|handy|téléphone|portable|teléfono|móvil|cellulare|telefono|手机|电话)"
    r"[^\d\n]{0,30}?"
    r"(?<![\w.])((?:\+|\()?\d(?:[ ()./-]{0,2}\d){6,14}" + _EXTENSION + r")(?!\w)(?![.,]\d)"
)


def numbers(text: str) -> Iterator[Span]:
    """Spans of entities `CREDIT_CARD` and `PHONE_NUMBER`."""
    for found in _DIGITS.finditer(text):
        digits = re.sub(r"\D", "", found[0])
        if luhn(digits) and len(set(digits)) > 2:
            near = text[max(0, found.start() - 60) : found.end() + 20]
            if _CARD.fullmatch(digits) or (
                _MAESTRO.fullmatch(digits) and _CARD_WORD.search(near) is not None
            ):
                yield _span("CREDIT_CARD", found.start(), found.end(), 0.95)
    for found in _WRITTEN.finditer(text):
        yield _span("PHONE_NUMBER", found.start(), found.end(), 0.6)
    for found in _SAID.finditer(text):
        yield _span("PHONE_NUMBER", found.start(1), found.end(1), 0.45)


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _span(entity: str, start: int, end: int, score: float) -> Span:
    return Span(start=start, end=end, entity=entity, score=score)
