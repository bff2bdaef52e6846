"""Days, and an expression of a text that names some."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """From `begin` to the day before `end`."""

    begin: date
    end: date

    @classmethod
    def one(cls, day: date) -> Self:
        return cls(begin=day, end=day + timedelta(1))

    @property
    def single(self) -> bool:
        return self.end == self.begin + timedelta(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """first, last: tokens, the last one not included.  readings: none where the calendar has no
    such day or nobody can tell which is meant.  undirected: past or to come, it does not say.
    weekday: it is a bare weekday.  pointer: "today" and its like, beside which a date may stand.
    nth: it is a bare day of a month.  month: the year and month that it names."""

    first: int
    last: int
    readings: tuple[Days, ...]
    undirected: bool = False
    weekday: int | None = None
    pointer: bool = False
    nth: int | None = None
    month: tuple[int, int] | None = None

    @property
    def in_figures(self) -> bool:
        """A day of a month, beside whose number another may stand."""
        return self.nth is not None or self.month is not None


def month_of(day: date, step: int) -> date:
    """The first of the month, so many months on."""
    months = day.year * 12 + day.month - 1 + step
    return date(months // 12, months % 12 + 1, 1)


def shift_day(day: date, count: int, unit: str) -> date:
    """A month on is the same day of it, or its last."""
    if unit in ("day", "week", "fortnight"):
        return day + timedelta(count * {"day": 1, "week": 7, "fortnight": 14}[unit])
    first = month_of(day, count * (1 if unit == "month" else 12))
    return first.replace(day=min(day.day, calendar.monthrange(first.year, first.month)[1]))
