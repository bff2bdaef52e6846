"""An expression for days at one place of a text: the whole of it, with all that it depends on.

    Grammar(tokens("3 days before Friday"), today).longest(0) -> Expression(days of Tuesday)

Weeks begin on Monday.  "Tuesday" is the next one to come, never today; "next Tuesday" is the one of
next week, "last Tuesday" the latest before today.  A date without a year is the next one.
"3/4/2024" has two readings; dates with points are day first.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Final

from fireside.language.dates.cursor import STEPS, WEEK, Cursor
from fireside.language.dates.expressions import Days, Expression, month_of, shift_day
from fireside.language.dates.vocabulary import MONTHS, UNITS, Token, is_counted, nth_of, number_of

NEAR: Final = {"today": 0, "tonight": 0, "tomorrow": 1, "yesterday": -1}


class Grammar(Cursor):
    def __init__(self, listed: Sequence[Token], today: date, *, terse: bool = False) -> None:
        """terse: the text is nothing but a time, so that "sat" is a day."""
        super().__init__(listed, today, terse=terse)
        self._forms: tuple[Callable[[int], Expression | None], ...] = (
            self._counted, self._beside, self._placed, self._edge, self._dated, self._written,
            self._nth_alone, self._pointed, self._named, self._span,
        )  # fmt: skip

    def longest(self, at: int, deep: int = 0) -> Expression | None:
        """The longest expression that begins at a token."""
        if deep > 3:
            return None
        self._deep = deep
        best: Expression | None = None
        for form in self._forms:
            found = None
            with suppress(OverflowError, ValueError):
                found = form(at)
            self._deep = deep
            if found is not None and (best is None or found.last > best.last):
                best = found
        return best

    def _inner(self, at: int) -> Expression | None:
        """The expression that another depends on."""
        return self.longest(self._skip(at, "the", "on"), self._deep + 1)

    def _counted(self, at: int) -> Expression | None:
        """in 3 days · 2 weeks ago · a week from Friday · 3 days before Friday"""
        into = self._word(at) == "in"
        place = at + into
        count = number_of(self._word(place))
        place = self._skip(place + 1, "of") if self._word(place) == "couple" else place + 1
        if self._word(place - 1) == "a" and self._word(place) == "couple":
            count, place = 2, self._skip(place + 1, "of")
        unit = UNITS.get(self._word(place))
        if count is None or unit is None:
            return None
        place += 1
        if into:
            last = self._skip(place, "time")
            unknown = self._word(last) == "and" and number_of(self._word(last + 1)) is not None
            days = [] if unknown else [Days.one(shift_day(self._today, count, unit))]
            return self._expression(at, last, *days)
        way = self._word(place)
        if way == "ago":
            return self._expression(at, place + 1, Days.one(shift_day(self._today, -count, unit)))
        if way in ("later", "hence"):
            return self._expression(at, place + 1)  # later than what?
        if way == "from" and self._word(place + 1) == "now":
            return self._expression(at, place + 2, Days.one(shift_day(self._today, count, unit)))
        sign = {"before": -1, "after": 1, "from": 1, "on": 1}.get(way)
        if sign is None or (way == "on" and unit != "week"):
            return None
        return self._off(at, place + 1, sign * count, unit)

    def _off(self, at: int, place: int, count: int, unit: str) -> Expression:
        """So far from another day; from what is no day, nobody knows."""
        other = self._inner(place)
        if other is None:
            return self._expression(at, place)
        days = [
            Days.one(shift_day(each.begin, count, unit)) for each in other.readings if each.single
        ]
        return replace(self._expression(at, other.last, *days), undirected=other.undirected)

    def _beside(self, at: int) -> Expression | None:
        """the day after tomorrow · the day before Friday · the Monday after 3 May"""
        place = self._skip(at, "the", "a")
        word, way = self._word(place), self._word(place + 1)
        if word == "night" and way in ("before", "after"):
            return self._expression(at, place + 2)
        if way not in ("before", "after"):
            return None
        sign = 1 if way == "after" else -1
        if word == "day":
            return self._off(at, place + 2, sign, "day")
        weekday = self._weekday(place)
        if weekday is None or self._is_hour(place + 2):
            return None
        other = self._inner(place + 2)
        if other is None:
            return self._expression(at, self._skip(place + 2, "next", "last"))
        days = []
        for each in other.readings:
            if each.single:
                ahead = (sign * (weekday - each.begin.weekday()) - 1) % 7 + 1
                days.append(Days.one(each.begin + timedelta(sign * ahead)))
        return replace(self._expression(at, other.last, *days), undirected=other.undirected)

    def _placed(self, at: int) -> Expression | None:
        """the first Monday of next month · the last Friday in March 2025"""
        place = self._skip(at, "the")
        word = self._word(place)
        nth = -1 if word == "last" else nth_of(word)
        weekday = self._weekday(place + 1)
        if nth is None or weekday is None or self._word(place + 2) not in ("of", "in"):
            return None
        month, last, is_open = self._month(place + 3)
        if month is None:
            return self._expression(at, place + 3)
        size = calendar.monthrange(month.year, month.month)[1]
        days = [month + timedelta(n) for n in range(size)]
        same = [day for day in days if day.weekday() == weekday]
        chosen = same[-1:] if nth < 0 else same[nth - 1 : nth]
        return self._expression(at, last, *map(Days.one, chosen), undirected=is_open)

    def _edge(self, at: int) -> Expression | None:
        """the first day of next month · the last day of February"""
        place = self._skip(at, "the")
        word = self._word(place)
        if word not in ("first", "last", "1st") or self._word(place + 1) != "day":
            return None
        if self._word(place + 2) not in ("of", "in"):
            return None
        month, last, is_open = self._month(place + 3)
        if month is None:
            return self._expression(at, place + 3)
        size = calendar.monthrange(month.year, month.month)[1]
        return self._expression(
            at, last, Days.one(month.replace(day=size if word == "last" else 1)), undirected=is_open
        )

    def _dated(self, at: int) -> Expression | None:
        """3 March · the third of March 2026 · March the 3rd, 2026"""
        place = self._skip(at, "the")
        month = MONTHS.get(self._word(place))
        if month is not None and (place > at or self._word(place) == "may"):
            month = None if place > at else month
        if month is not None:
            day_at = self._skip(self._skip(place + 1, "."), "the")
            last = day_at + 1
            if self._word(last) == ":":  # "March 3:30"
                return None
        else:
            day_at = place
            month_at = self._skip(place + 1, "of")
            month = MONTHS.get(self._word(month_at))
            last = self._skip(month_at + 1, ".")
            if month is None:
                return None
            if not re.fullmatch(r"\d{4}", self._word(self._skip(last, ","))):
                last = month_at + 1
        word = self._word(day_at)
        day = nth_of(word) or (int(word) if re.fullmatch(r"\d{1,2}", word) else None)
        if day is None or (word == "second" and month == 3 and day_at > place and not self._terse
                           and not self._tokens[place].capital):  # fmt: skip
            return None
        year_at = self._skip(last, ",")
        if re.fullmatch(r"\d{4}", self._word(year_at)):
            year = int(self._word(year_at))
            made = self._expression(at, year_at + 1, *self._of_year(year, month, day))
            return replace(made, month=(year, month))
        made = self._expression(at, last, *self._coming(month, day), undirected=True)
        year = made.readings[0].begin.year if made.readings else self._today.year
        return replace(made, month=(year, month))

    def _written(self, at: int) -> Expression | None:
        """2024-12-01 · 25/12/2024 · 24.12.2024 · 3/4"""
        parts = [int(part) for part in re.findall(r"\d+", self._word(at))]
        word = self._word(at)
        if word == "24/7" or len(parts) < 2 or not re.fullmatch(r"\d+(?:[-/.]\d+){1,2}", word):
            return None
        if len(word) > 4 and word[4:5] in ("-", "/") and word[:4].isdecimal():
            return self._expression(at, at + 1, *self._of_year(*parts))
        first, second, *year = parts
        whole = [each + 2000 if each < 100 else each for each in year]
        orders = {(second, first)} if "." in word else {(second, first), (first, second)}
        days: list[Days] = []
        for month, day in sorted(orders):
            if 1 <= month <= 12:
                days += self._of_year(whole[0], month, day) if whole else self._coming(month, day)
        return self._expression(at, at + 1, *days, undirected=not whole)

    def _nth_alone(self, at: int) -> Expression | None:
        """the 20th · the 2nd of this month · on the third"""
        place = self._skip(at, "the")
        nth = nth_of(self._word(place))
        in_words = not self._word(place)[:1].isdigit()
        if nth is None or not 1 <= nth <= 31:
            return None
        if self._word(place + 1) == "of" and self._word(place + 2) in (*STEPS, "the"):
            month, last, _ = self._month(place + 2)
            if month is None:
                return self._expression(at, place + 3)
            return self._expression(at, last, *self._of_year(month.year, month.month, nth))
        alone = in_words and (place == at or at == 0 or self._word(at - 1) != "on")
        if alone or is_counted(self._word(place + 1)):
            return None
        for step in range(13):
            month = month_of(self._today, step)
            for days in self._of_year(month.year, month.month, nth):
                if days.begin >= self._today:
                    made = self._expression(at, place + 1, days, undirected=True)
                    return replace(made, nth=nth)
        return None

    def _pointed(self, at: int) -> Expression | None:
        """today · tomorrow · tomorrow week"""
        step = NEAR.get(self._word(at))
        if step is None:
            return None
        day = self._today + timedelta(step)
        if self._word(at + 1) in ("week", "fortnight"):
            days = WEEK if self._word(at + 1) == "week" else 2 * WEEK
            return self._expression(at, at + 2, *[Days.one(day + days)] * (step >= 0))
        return replace(self._expression(at, at + 1, Days.one(day)), pointer=True)

    def _named(self, at: int) -> Expression | None:
        """Friday · next Friday · Friday week · Friday next week · next week on Friday"""
        place = self._skip(at, "the") if self._word(at + 1) in STEPS else at
        which = self._word(place) if self._word(place) in STEPS else ""
        if which == "this" and self._word(place + 1) in ("coming", "past"):
            which, place = self._word(place + 1), place + 1
        place += bool(which)
        if which and self._word(place) == "week":
            weekday_at = self._skip(place + 1, "on", "'s")
            weekday = self._weekday(weekday_at)
            if weekday is None:
                return None
            return self._expression(at, weekday_at + 1, self._of_week(STEPS[which], weekday))
        weekday = self._weekday(place)
        if weekday is None:
            return None
        if not which:
            return self._read_weekday(at, weekday)
        monday_next = which == "next"
        ahead = (weekday - self._today.weekday() - 1) % 7 + 1
        if monday_next:
            day = self._of_week(1, weekday)
        elif which in ("last", "past", "previous"):
            back = (self._today.weekday() - weekday - 1) % 7 + 1
            day = Days.one(self._today - timedelta(back))
        elif which == "this" and weekday <= self._today.weekday():
            return self._expression(at, place + 1)  # gone already: which one is meant?
        else:
            day = Days.one(self._today + timedelta(ahead))
        return self._expression(at, place + 1, day)

    def _read_weekday(self, at: int, weekday: int) -> Expression:
        ahead = timedelta((weekday - self._today.weekday() - 1) % 7 + 1)
        place = self._skip(at + 1, "of")
        if self._word(place) in STEPS and self._word(place + 1) == "week":
            return self._expression(at, place + 2, self._of_week(STEPS[self._word(place)], weekday))
        if self._word(at + 1) in ("week", "fortnight"):
            days = WEEK if self._word(at + 1) == "week" else 2 * WEEK
            return self._expression(at, at + 2, Days.one(self._today + ahead + days))
        day = Days.one(self._today + ahead)
        if last := self._behind_day_number(self._skip(at + 1, ",", ".")):  # "Fri 13"
            agreed = int(self._word(last - 1)) == day.begin.day
            return self._expression(at, last, *[day] * agreed, undirected=True)
        return replace(self._expression(at, at + 1, day, undirected=True), weekday=weekday)

    def _span(self, at: int) -> Expression | None:
        """next week · this weekend · last month · next year"""
        place = self._skip(at, "the") if self._word(at + 1) == "coming" else at
        step = STEPS.get(self._word(place))
        if step is None:
            return None
        today = self._today
        monday = today - timedelta(today.weekday()) + step * WEEK
        match self._word(place + 1):
            case "week":
                days = Days(begin=monday, end=monday + WEEK)
            case "weekend":
                days = Days(begin=monday + timedelta(5), end=monday + WEEK)
            case "month":
                days = Days(begin=month_of(today, step), end=month_of(today, step + 1))
            case "year":
                year = today.year + step
                days = Days(begin=date(year, 1, 1), end=date(year + 1, 1, 1))
            case _:
                return None
        return self._expression(at, place + 2, days)
