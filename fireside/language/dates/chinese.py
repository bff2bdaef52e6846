"""Days in Chinese: 明天, 3月5日, 下周二, 上周一.  What stands beside them may change them too."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from fireside.language.dates.expressions import Days
from fireside.language.numbers import number_of_chinese

if TYPE_CHECKING:
    from fireside.language.dates.reader import Phrase

_NEAR: Final = {
    "大前天": -3, "前天": -2, "昨天": -1, "今天": 0, "今晚": 0, "明天": 1, "明晚": 1, "后天": 2,
    "大后天": 3,
}  # fmt: skip
_FORM: Final = re.compile(
    rf"(?P<word>{'|'.join(sorted(_NEAR, key=len, reverse=True))})|"
    r"(?:(?P<y>\d{4})年)?(?P<m>\d{1,2}|[一二三四五六七八九十]{1,2})月"
    r"(?P<d>\d{1,2}|[一二三四五六七八九十]{1,3})[日号]|"
    r"(?P<which>[上下]{1,2}个?|本|这个?)?(?:周|星期|礼拜)(?P<weekday>[一二三四五六日天])"
)
_BEFORE: Final = re.compile(r"(?:不是?|别|除了?|每个?|或者?|还是|直到|到|自从?|至)$")
_BEHIND: Final = re.compile(r"或|还是|之|以|前|后|起|除外|不行|左右")


def chinese_phrases(text: str, today: date) -> Iterator[Phrase]:
    from fireside.language.dates.reader import Phrase

    for match in _FORM.finditer(text):
        before = text[max(0, match.start() - 3) : match.start()]
        changed = _BEFORE.search(before) or _BEHIND.match(text, match.end())
        days = () if changed else tuple(map(Days.one, _days(match, today)))
        yield Phrase(start=match.start(), end=match.end(), readings=days)


def _days(match: re.Match[str], today: date) -> Iterator[date]:
    if match["word"]:
        yield today + timedelta(_NEAR[match["word"]])
    elif match["weekday"]:
        weekday = "一二三四五六日".find(match["weekday"].replace("天", "日"))
        which = (match["which"] or "").removesuffix("个")
        steps = {"": 0, "本": 0, "这": 0, "下": 1, "下下": 2, "上": -1, "上上": -2}.get(which)
        if steps is None:
            return
        day = today - timedelta(today.weekday()) + timedelta(7 * steps + weekday)
        if which or day > today:
            yield day
        else:
            yield day + timedelta(7)
    else:
        month, day_number = (
            int(part) if part.isdecimal() else number_of_chinese(part) or 0
            for part in (match["m"], match["d"])
        )
        years = [int(match["y"])] if match["y"] else range(today.year, today.year + 9)
        for year in years:
            try:
                day = date(year, month, day_number)
            except ValueError:
                continue
            if match["y"] or day >= today:
                yield day
                return
