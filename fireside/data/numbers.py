"""Card and telephone numbers that Presidio's recognisers do not know, with checks of our own.

Cards of every maker and length (Luhn, and the maker's own digits at the front), whatever stands
between their groups; telephone numbers written internationally, with an extension, or behind a word
such as "call me at".  A bare row of digits is no telephone number, and neither is what
`is_no_phone` knows by its form or by the word before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from fireside.data.forms import Span

NEAR: Final = 40  # characters before a number in which the word that says what it is may stand
_RUN: Final = re.compile(
    r"(?<!\d)\d+(?:(?:[ \t]{0,2}[-._/,][ \t]{0,2}|[ \t]{1,3}|[ \t]{0,3}\n[ \t]{0,3})\d+)*(?!\d)"
)
_HEX_BEFORE: Final = re.compile(r"\d[A-Fa-f]{1,8}$")
_HEX_BEHIND: Final = re.compile(r"[A-Fa-f]{1,8}\d")
_HASH_WORD: Final = re.compile(
    r"(?i)(?<![a-z])(?:sha|md5|hash|commit|digest|checksum|hex|uuid|guid|etag|crc|blob)"
)
_GROUP: Final = re.compile(r"\d+")
_CARD: Final = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|(?:222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|6(?:011|4[4-9]\d|5\d\d)\d{12}|62\d{14,17}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|(?:2131|1800)\d{11}|220[0-4]\d{12}"
)
_ANY_MAKER: Final = re.compile(r"\d{12,19}")  # beside a word for a card
_CARD_WORD: Final = re.compile(
    r"(?i)card|credit|debit|visa|maestro|amex|american express|discover|(?<![a-z])cc(?![a-z])|"
    r"karte|carte|tarjeta|carta|卡"
)
_USUAL: Final = frozenset(
    ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 5), (4, 3, 3, 3), (8, 8), (6, 13))
)
"""How makers print the groups."""

_EXTENSION: Final = r"(?:[ ]?(?:x|ext\.?|extension|#)[ ]?\d{1,6})?"
_WRITTEN: Final = re.compile(
    r"(?<![\w+.-])(?:(?:\+|00)[1-9](?:[ ()./-]{0,3}\d){6,14}"
    r"|\+[1-9](?:[ ()./-]{0,3}\d){1,5}[ -]?\n[ >]{0,2}\d(?:[ ()./-]{0,3}\d){3,9}"  # in two lines
    r"|(?:001[-. ])?\(?[2-9]\d{2}\)?[-. ]\n?\d{3}[-.]\n?\d{4})" + _EXTENSION + r"(?!\w)(?![.-]\d)"
)
_PHONE_WORDS: Final = (
    r"phone|telephone|tel|mobile|cell|cellphone|fax|whatsapp|call(?:ing)?|dial|text|"
    r"reach|ring|telefon|handy|téléphone|portable|teléfono|móvil|cellulare|telefono|手机|电话"
)
_SAID: Final = re.compile(
    rf"(?i)(?<![a-z])(?:{_PHONE_WORDS})[^\d\n]{{0,30}}?"
    r"(?<![A-Za-z0-9_.])((?:\+|\()?\d(?:[ ()./-]{0,2}\d){6,14}" + _EXTENSION + r")(?!\w)(?![.,]\d)"
)
_PHONE_WORD: Final = re.compile(
    rf"(?i)(?<![a-z])(?:{_PHONE_WORDS}|contact|sms)(?:s|number|nummer)?(?![a-z])"
)
_OTHER_WORD: Final = re.compile(
    r"(?i)(?<![^\W_])(?:orders?|invoices?|tickets?|receipts?|refs?|references?|tracking|parcels?|"
    r"shipments?|booking|reservation|confirmation|isbn|issn|ean|upc|asin|doi|sku|items?|articles?|"
    r"parts?|models?|serial|s/n|cases?|claims?|policy|rfc|bugs?|issues?|pull|commit|build|"
    r"versions?|ver|v|release|firmware|patents?|arxiv|pmid|figures?|tables?|sections?|chapters?|"
    r"pages?|pp|lat|latitude|lon|long|longitude|coordinates|timestamp|epoch|unix|time|date|"
    r"bestell(?:nummer|nr|ung)|rechnung\w{0,8}|population|total|sum|score|code|zip|serial)"
    r"(?:[ ]?(?:number|numbers|no|nr|num|id|code|key))?\.?(?:[ ](?:is|was|of|at|to|on))?"
    r"[\"'(]{0,2}[ ]?[:#=]{0,2}[ ]?[\"'(#]{0,2}$"
)
_TRUNK: Final = re.compile(r"00\d{8,15}|0[1-9]\d{7,9}")  # as dialled, within a country or abroad
_GLUE: Final = frozenset("=/_#@.$€£")  # before a number within an address or a price
_ISBN: Final = re.compile(r"97[89](?:[ -]?\d){10}")
_DATE: Final = re.compile(
    r"(?:19|20)\d\d[-/. ](?:0?[1-9]|1[0-2])[-/. ](?:0?[1-9]|[12]\d|3[01])(?:[ T-].*)?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-/. ](?:0?[1-9]|[12]\d|3[01])[-/. ](?:19|20)\d\d(?:[ -].*)?"
    r"|(?:19|20)\d\d ?[-/] ?(?:19|20)\d\d",
    re.DOTALL,
)
_DECIMALS: Final = re.compile(
    r"-?\d{1,3}\.\d{3,}(?:[ ,;/].*)?|\d{1,3}(?:[ ,.]\d{3}){2,4}", re.DOTALL
)
_VERSION: Final = re.compile(r"(?!0\d\.)\d{1,3}(?:\.\d{1,3}){2,4}")


def numbers(text: str) -> Iterator[Span]:
    """Spans of entities `CREDIT_CARD` and `PHONE_NUMBER`."""
    for run in _RUN.finditer(text):
        yield from _cards(text, run.start(), run.end())
    for found in _WRITTEN.finditer(text):
        if not is_no_phone(text, found.start(), found.end()):
            yield _span("PHONE_NUMBER", found.start(), found.end(), 0.6)
    for found in _SAID.finditer(text):
        if not is_no_phone(text, found.start(1), found.end(1)):
            yield _span("PHONE_NUMBER", found.start(1), found.end(1), 0.45)


def _cards(text: str, start: int, end: int) -> Iterator[Span]:
    """Cards among the groups of digits of one run: an expiry date or a second card may follow."""
    groups = [found.span() for found in _GROUP.finditer(text, start, end)]
    first = 0
    while first < len(groups):
        last = _card_end(text, groups, first)
        if last is None:
            first += 1
            continue
        yield _span("CREDIT_CARD", groups[first][0], groups[last][1], 1.0)
        first = last + 1


def _card_end(text: str, groups: list[tuple[int, int]], first: int) -> int | None:
    """The last group of the card that begins with this one; None: no card begins here."""
    digits = ""
    for last in range(first, min(len(groups), first + 19)):
        digits += text[slice(*groups[last])]
        if len(digits) > 19:
            return None
        known = _CARD.fullmatch(digits) is not None
        if not (known or _ANY_MAKER.fullmatch(digits)) or len(set(digits)) < 2 or not luhn(digits):
            continue
        begin, end = groups[first][0], groups[last][1]
        if (known and _is_printed(text, groups, first, last)) or _CARD_WORD.search(
            text[max(0, begin - 60) : end + 20]
        ):
            return last
    return None


def _is_printed(text: str, groups: list[tuple[int, int]], first: int, last: int) -> bool:
    """Whether the groups stand as on a card, and not in a table, a path or a decimal fraction."""
    begin, end = groups[first][0], groups[last][1]
    if first == last:
        before = text[max(0, begin - 1) : begin]
        return before not in ("/", ".", "+", ",") and not _is_of_hash(text, begin, end)
    gaps = [text[groups[n][1] : groups[n + 1][0]].strip(" \t") for n in range(first, last)]
    if "\n" in gaps:  # a line may end within a card, once
        gaps.remove("\n")
    sizes = tuple(end - start for start, end in groups[first : last + 1])
    table = len(groups) > len(sizes) + 3
    return len(set(gaps)) == 1 and gaps[0] not in ("\n", ",") and sizes in _USUAL and not table


def _is_of_hash(text: str, begin: int, end: int) -> bool:
    """Letters may touch a card's number ("Visa4111…"), but not those of a hash."""
    before, behind = text[max(0, begin - 9) : begin], text[end : end + 9]
    touched = (before[-1:] + behind[:1]).strip()
    if not any(letter.isascii() and letter.isalpha() for letter in touched):
        return False
    return bool(
        _HEX_BEFORE.search(before)
        or _HEX_BEHIND.match(behind)
        or _HASH_WORD.search(text[max(0, begin - NEAR) : begin])
    )


def is_no_phone(text: str, start: int, end: int) -> bool:
    """Whether it has the form of something else, or is named as such: an ISBN, a date, a place on
    the map, a version, an order's number."""
    value = text[start:end].strip()
    if is_named_otherwise(text, start):
        return True
    if _PHONE_WORD.search(text[max(0, start - 60) : end + 20]) and not _DATE.fullmatch(value):
        return False
    if value.isdecimal() and not _TRUNK.fullmatch(value):
        return True
    if text[max(0, start - 1) : start] in _GLUE and not value.startswith("+"):
        return True
    return bool(
        _DATE.fullmatch(value)
        or _DECIMALS.fullmatch(value)
        or _VERSION.fullmatch(value)
        or _is_address(value)
        or (_ISBN.fullmatch(value) and _is_isbn(re.sub(r"[ -]", "", value)))
    )


def is_named_otherwise(text: str, start: int) -> bool:
    """Whether the word before says that a number is nobody's: "order number 123-45-6789"."""
    return _OTHER_WORD.search(text[max(0, start - NEAR) : start]) is not None


def _is_address(value: str) -> bool:
    try:
        IPv4Address(value)
    except AddressValueError:
        return False
    return True


def _is_isbn(value: str) -> bool:
    """The check digit of ISO 2108."""
    return sum(int(digit) * (1 + 2 * (n % 2)) for n, digit in enumerate(value)) % 10 == 0


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _span(entity: str, start: int, end: int, score: float) -> Span:
    return Span(start=start, end=end, entity=entity, score=score)
