"""A place in a cut text: the word there, a month or a weekday that begins there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from fireside.language.dates.expressions import Days, Expression, month_of
from fireside.language.dates.vocabulary import MONTHS, UNITS, WEEKDAYS, Token, number_of

STEPS: Final = {"this": 0, "coming": 1, "next": 1, "last": -1, "past": -1, "previous": -1}
WEEK: Final = timedelta(7)


class Cursor:
    """terse: the text is nothing but a time, so that "sat" is a day."""

    def __init__(self, listed: Sequence[Token], today: date, *, terse: bool) -> None:
        self._tokens, self._today, self._terse = listed, today, terse

    def _word(self, at: int) -> str:
        return self._tokens[at].word if at < len(self._tokens) else ""

    def _skip(self, at: int, *words: str) -> int:
        return at + 1 if self._word(at) in words else at

    def _expression(self, at: int, last: int, *days: Days, undirected: bool = False) -> Expression:
        return Expression(first=at, last=last, readings=days, undirected=undirected)

    def _is_hour(self, at: int) -> bool:
        """ "Friday after 5 pm", "Friday before noon": the day is Friday."""
        return is_hour([self._word(at), self._word(at + 1)])

    def _behind_day_number(self, at: int) -> int:
        """The token behind a bare day of the month; 0 where none stands there.  Up to 12 it is an
        hour, unless another follows."""
        number, after = self._word(at), self._word(at + 1)
        if not number.isdecimal() or len(number) > 2 or not 1 <= int(number) <= 31:
            return 0
        if after in ("at", "@"):
            return at + 1
        ends = after in ("", "and", "please") or (
            after in (",", ".", "!", "?", ";", ")") and not self._word(at + 2).isdecimal()
        )
        return at + 1 if ends and int(number) > 12 else 0

    def _month(self, at: int) -> tuple[date | None, int, bool]:
        """A month: its first day, the token behind it, whether its year was left open."""
        place = self._skip(at, "the")
        step = STEPS.get(self._word(place), 0 if place > at else None)
        if step is not None:
            place += self._word(place) in STEPS
            if self._word(place) == "month":
                return month_of(self._today, step), place + 1, False
            return None, at, False
        number = MONTHS.get(self._word(at))
        if number is None:
            return None, at, False
        last = self._skip(at + 1, ".")
        year = self._word(last)
        if re.fullmatch(r"\d{4}", year):
            return date(int(year), number, 1), last + 1, False
        this = date(self._today.year, number, 1)
        past = number < self._today.month
        return this.replace(year=self._today.year + past), at + 1, True

    def _of_year(self, year: int, month: int, day: int) -> Iterator[Days]:
        with suppress(ValueError):
            yield Days.one(date(year, month, day))

    def _coming(self, month: int, day: int) -> Iterator[Days]:
        for year in range(self._today.year, self._today.year + 9):  # 29 February
            for days in self._of_year(year, month, day):
                if days.begin >= self._today:
                    yield days
                    return

    def _weekday(self, at: int) -> int | None:
        word = self._word(at).removesuffix("'s")
        weekday = WEEKDAYS.get(word)
        if weekday is None or self._terse or len(word) > 3 or self._tokens[at].capital:
            return weekday
        # "he sat", "the sun", "we wed": the short names count with a capital or a word for days.
        before = self._tokens[at - 1].word if at else ""
        return weekday if before in ("on", "this", "next", "last", "coming") else None

    def _of_week(self, step: int, weekday: int) -> Days:
        monday = self._today - timedelta(self._today.weekday())
        return Days.one(monday + step * WEEK + timedelta(weekday))


HOURS: Final = frozenset(
    ("noon", "midnight", "midday", "lunch", "lunchtime", "work", "school", "dinner", "breakfast")
)


def is_hour(words: Sequence[str]) -> bool:
    """Whether a time of the day begins here: "5 pm", "17:00", "noon"."""
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first in HOURS or first in ("half", "quarter"):
        return True
    clock = number_of(first) is not None and first not in ("a", "an")
    return clock and second not in UNITS and second not in MONTHS
