"""Days as people write them -> ISO 8601, reckoned from a given today.

"tomorrow", "next Tuesday", "March 3rd", "the 12th", "in three days", "2026-12-01", "3/4",
"明天", "3月5日", "下周二".  A day without a year is the next one that comes.  "3/4" is the third of
April and the fourth of March: both are given, and who asked has to ask again.  It refuses to read
the clock: today comes from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from fireside.assistant.dialogue.values.found import Found, apart
from fireside.assistant.dialogue.values.numbers import UNITS, of_chinese, of_words

_MONTH_NAMES: Final = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAY_NAMES: Final = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_MONTHS: Final = {name: n for n, name in enumerate(_MONTH_NAMES, 1)} | {
    name[:3]: n for n, name in enumerate(_MONTH_NAMES, 1) if name != "may"
} | {"sept": 9}  # fmt: skip
_DAYS: Final = {name: n for n, name in enumerate(_DAY_NAMES)} | {
    "mon": 0, "tue": 1, "tues": 1, "wed": 2, "thu": 3, "thur": 3, "thurs": 3, "fri": 4, "sat": 5,
    "sun": 6,
}  # fmt: skip
_ORDINALS: Final = {
    word: n
    for n, word in enumerate(
        [
            "first",
            "second",
            "third",
            "fourth",
            "fifth",
            "sixth",
            "seventh",
            "eighth",
            "ninth",
            "tenth",
            "eleventh",
            "twelfth",
            "thirteenth",
            "fourteenth",
            "fifteenth",
            "sixteenth",
            "seventeenth",
            "eighteenth",
            "nineteenth",
            "twentieth",
            "twenty-first",
            "twenty-second",
            "twenty-third",
            "twenty-fourth",
            "twenty-fifth",
            "twenty-sixth",
            "twenty-seventh",
            "twenty-eighth",
            "twenty-ninth",
            "thirtieth",
            "thirty-first",
        ],
        1,
    )
}
_MONTH = "(?:" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_WEEKDAY = "(?:" + "|".join(sorted(_DAYS, key=len, reverse=True)) + r")\b"
_ORD = "(?:" + "|".join(sorted(_ORDINALS, key=len, reverse=True)) + ")"
_NTH = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|{_ORD})\b"
_FLAGS = re.I | re.ASCII

_ISO: Final = re.compile(r"(?<![\w-])(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?![\w-])", _FLAGS)
_SLASH: Final = re.compile(
    r"(?<![\w/.])(?P<a>\d{1,2})(?P<sep>[/.])(?P<b>\d{1,2})(?:(?P=sep)(?P<y>\d{4}|\d{2}))?"
    r"(?!\w|[/.]\d)",
    _FLAGS,
)
_DAY_MONTH: Final = re.compile(
    rf"\b(?:the\s+)?(?P<day>{_NTH}|\d{{1,2}})\s+(?:of\s+)?(?P<month>{_MONTH})"
    r"(?:,?\s+(?P<y>\d{4}))?",
    _FLAGS,
)
_MONTH_DAY: Final = re.compile(
    rf"\b(?P<month>{_MONTH})\s+(?:the\s+)?(?P<day>{_NTH}|\d{{1,2}}(?![\d:]))(?:,?\s+(?P<y>\d{{4}}))?",
    _FLAGS,
)
_NTH_ALONE: Final = re.compile(
    rf"\b(?:on\s+the\s+(?P<day>{_ORD})\b|(?:the\s+)?(?P<digits>\d{{1,2}}(?:st|nd|rd|th))\b)"
    r"(?!\s+(?:time|one|option|flight|street|avenue|floor|class|place))"
    r"(?:\s+of\s+(?P<which>this|next)\s+month)?",
    _FLAGS,
)
_RELATIVE: Final = re.compile(
    rf"\b(?:(?P<after>(?:the\s+)?day\s+after\s+tomorrow)|(?P<word>today|tonight|tomorrow)\b|"
    rf"in\s+(?P<n>\d{{1,3}}|a|{'|'.join(UNITS)})\s+(?P<unit>days?|weeks?)\b|"
    r"(?P<fromnow>\d{1,3})\s+days?\s+from\s+(?:now|today)|"
    rf"(?P<which>(?:next|this|coming|on)\s+)?(?P<weekday>{_WEEKDAY})(?:\s+(?P<later>next\s+week))?)",
    _FLAGS,
)
_CHINESE: Final = re.compile(
    r"(?P<word>今天|今晚|明天|后天)|(?:(?P<y>\d{4})年)?(?P<m>\d{1,2}|[一二三四五六七八九十]{1,2})月"
    r"(?P<d>\d{1,2}|[一二三四五六七八九十]{1,3})[日号]|"
    r"(?P<next>下个?)?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])"
)


def dates(text: str, today: date) -> list[Found]:
    """Every day that is named, in the order of the text."""
    return apart(_all(text, today))


def _all(text: str, today: date) -> Iterator[Found]:
    for match in _ISO.finditer(text):
        yield from _day(match, today, int(match["y"]), int(match["m"]), int(match["d"]))
    for match in _SLASH.finditer(text):
        yield from _slashed(match, today)
    for pattern in (_DAY_MONTH, _MONTH_DAY):
        for match in pattern.finditer(text):
            month = _MONTHS[match["month"].lower().rstrip(".")]
            year = int(match["y"]) if match["y"] else None
            yield from _day(match, today, year, month, _nth(match["day"]))
    for match in _NTH_ALONE.finditer(text):
        yield from _of_month(match, today)
    for match in _RELATIVE.finditer(text):
        weekday = match["weekday"] or ""
        # "he sat", "the sun", "we wed": the short names count with a capital or after "on".
        if len(weekday) > 3 or not weekday.islower() or match["which"]:
            yield _found(match, _relative(match, today))
    for match in _CHINESE.finditer(text):
        yield from _chinese(match, today)


def _found(match: re.Match[str], day: date) -> Found:
    said = match.group().rstrip(".")
    start = match.start()
    groups = match.groupdict()
    if groups.get("month") or groups.get("which", "") in ("this", "next", "on "):
        bare = re.sub(r"^(?:the|on)\s+", "", said, flags=re.I)
        said, start = bare, start + len(said) - len(bare)
    return Found(value=day.isoformat(), said=said, start=start, end=start + len(said))


def _day(
    match: re.Match[str], today: date, year: int | None, month: int, day: int
) -> Iterator[Found]:
    """The day, or the next one of that name; nothing where the calendar has none."""
    for candidate in (year,) if year is not None else range(today.year, today.year + 9):
        with suppress(ValueError):
            made = date(candidate, month, day)
            if year is not None or made >= today:
                yield _found(match, made)
                return


def _slashed(match: re.Match[str], today: date) -> Iterator[Found]:
    first, second = int(match["a"]), int(match["b"])
    year = int(match["y"]) if match["y"] else None
    if year is None and match["sep"] == ".":
        return  # 3.4 is a number
    if year is not None and year < 100:
        year += 2000
    yield from _day(match, today, year, second, first)
    if first != second:
        yield from _day(match, today, year, first, second)


def _of_month(match: re.Match[str], today: date) -> Iterator[Found]:
    day = _nth(match["day"] or match["digits"])
    months = range(1 if (match["which"] or "").lower() == "next" else 0, 13)
    for ahead in months:
        year, month = divmod(today.year * 12 + today.month - 1 + ahead, 12)
        with suppress(ValueError):
            made = date(year, month + 1, day)
            if made >= today:
                yield _found(match, made)
                return


def _relative(match: re.Match[str], today: date) -> date:
    if match["after"]:
        return today + timedelta(days=2)
    if match["word"]:
        return today + timedelta(days=int(match["word"].lower() == "tomorrow"))
    if match["n"] or match["fromnow"]:
        word = (match["n"] or match["fromnow"]).lower()
        number = int(word) if word.isdecimal() else 1 if word == "a" else of_words(word) or 0
        weeks = bool(match["unit"]) and match["unit"].lower().startswith("week")
        return today + timedelta(days=number * (7 if weeks else 1))
    ahead = (_DAYS[match["weekday"].lower()] - today.weekday()) % 7
    # "next Tuesday" said on a Monday is that of the week after; said on a Friday, the coming one.
    next_week = bool(match["later"]) or (match["which"] or "").strip().lower() == "next"
    if next_week:
        monday = today - timedelta(days=today.weekday()) + timedelta(days=7)
        return monday + timedelta(days=_DAYS[match["weekday"].lower()])
    return today + timedelta(days=ahead or 7)


def _chinese(match: re.Match[str], today: date) -> Iterator[Found]:
    if match["word"]:
        ahead = {"今天": 0, "今晚": 0, "明天": 1, "后天": 2}[match["word"]]
        yield _found(match, today + timedelta(days=ahead))
    elif match["weekday"]:
        weekday = "一二三四五六日".find(match["weekday"].replace("天", "日"))
        monday = today - timedelta(days=today.weekday())
        ahead = 7 if match["next"] else 0
        made = monday + timedelta(days=weekday + ahead)
        yield _found(match, made if made > today else made + timedelta(days=7))
    else:
        year = int(match["y"]) if match["y"] else None
        month, day = (
            int(part) if part.isdecimal() else of_chinese(part) or 0
            for part in (match["m"], match["d"])
        )
        yield from _day(match, today, year, month, day)


def _nth(words: str) -> int:
    digits = re.match(r"\d+", words)
    return int(digits.group()) if digits else _ORDINALS[words.lower()]
