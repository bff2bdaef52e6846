"""Numbers as people write them: digits, English words, Chinese numerals.

"a couple" is two and "a dozen" twelve.  "one" counts only where it is a number: "that one" and
"one way" are none.  It refuses sums ("two and a half dozen") and ordinals: dates' business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from fireside.language.mentions import Mention, without_overlaps

UNITS: Final = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
        ]
    )
}
TENS: Final = {
    word: 10 * (place + 2)
    for place, word in enumerate(
        ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    )
}
SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
PHRASES: Final = {"a couple": 2, "a dozen": 12, "half a dozen": 6, "no": 0}
CHINESE: Final = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}

_WORD = "|".join([*UNITS, *TENS, *SCALES])
_WORDS: Final = re.compile(rf"\b(?:{_WORD})(?:(?:[\s-]+(?:and\s+)?)(?:{_WORD}))*\b", re.I)
_DIGITS: Final = re.compile(
    r"(?<![\w.,/:-])[-−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w/:]|[.,]\d|-\d)", re.ASCII
)
_CHINESE: Final = re.compile(r"[零〇一二两三四五六七八九]?[十百千]?[零〇一二两三四五六七八九十百]*")
_PHRASES: Final = re.compile(r"\b(?:half a dozen|a couple|a dozen)\b", re.I)
_NOT_ONE_BEFORE: Final = re.compile(
    r"\b(?:that|this|which|another|other|no|the|any|some|each|every|last|first|next|cheaper|"
    r"different|new)\s+$",
    re.I,
)
_NOT_ONE_AFTER: Final = re.compile(r"^(?:[\s-]+(?:way|of|more thing|moment|second)\b|')", re.I)


def find_numbers(text: str) -> list[Mention]:
    return without_overlaps(_all(text))


def _all(text: str) -> Iterator[Mention]:
    for match in _DIGITS.finditer(text):
        yield _mention(match, _plain(match.group().replace(",", "").replace("−", "-")))
    for match in _WORDS.finditer(text):
        if match.group().lower() == "one" and (
            _NOT_ONE_BEFORE.search(text[max(0, match.start() - 12) : match.start()])
            or _NOT_ONE_AFTER.search(text[match.end() : match.end() + 14])
        ):
            continue
        value = number_of_words(match.group())
        if value is not None:
            yield _mention(match, str(value))
    for match in _PHRASES.finditer(text):
        yield _mention(match, str(PHRASES[match.group().lower()]))
    for match in _CHINESE.finditer(text):
        if match.group() and (value := number_of_chinese(match.group())) is not None:
            yield _mention(match, str(value))


def _mention(match: re.Match[str], value: str) -> Mention:
    return Mention(value=value, words=match.group(), start=match.start(), end=match.end())


def _plain(digits: str) -> str:
    whole, _, part = digits.partition(".")
    sign = "-" if whole.startswith("-") else ""
    whole = sign + (whole.lstrip("-").lstrip("0") or "0")
    part = part.rstrip("0")
    return f"{whole}.{part}" if part else ("0" if whole == "-0" else whole)


def number_of_words(words: str) -> int | None:
    """ "twenty-two" is 22, "two hundred and five" 205; None where the words make no number."""
    total = current = 0
    last = 1_000_000_000
    for word in re.findall(r"[a-z]+", words.lower()):
        if word == "and":
            continue
        if word in SCALES:
            current = max(current, 1) * SCALES[word]
            if SCALES[word] > 100:
                total, current = total + current, 0
            last = SCALES[word]
            continue
        value = UNITS.get(word, TENS.get(word, -1))
        if value < 0 or (last < 20 or value >= last):
            return None
        current += value
        last = value
    return total + current


def number_of_chinese(letters: str) -> int | None:
    """三 is 3, 十二 12, 两百零五 205."""
    if len(letters) > 7:
        return None
    total, digit = 0, -1
    for letter in letters:
        if letter in CHINESE:
            if digit > 0 and not any(c in "十百千" for c in letters):
                return None
            digit = CHINESE[letter]
        else:
            total += (1 if digit < 0 else digit) * {"十": 10, "百": 100, "千": 1000}[letter]
            digit = -1
    return total + max(digit, 0)
