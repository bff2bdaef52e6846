"""Mentions of a day in a text, for a form, as ISO 8601, reckoned from a given today.

"tomorrow", "next Tuesday", "March 3rd", "the 12th", "in three days", "2026-12-01", "3/4",
"明天", "3月5日", "下周二": what `fireside.language.dates` reads as one day.  "3/4" is the third of
April and the fourth of March: both are given, and who asked has to ask again.  Of what is a
question ("not Monday", "Monday or Tuesday", "next week") nothing is given.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from fireside.language.dates.reader import day_phrases
from fireside.language.mentions import Mention, without_overlaps


def find_days(
    text: str, today: date, *, understood: Collection[str] = (), either: bool = False
) -> list[Mention]:
    """Every day that is named, in the order of the text.

    understood: words before a day that the caller knows, such as a form's cue "until".
    either: the days of "Monday or Tuesday" too, between which the caller has to ask.
    """
    return without_overlaps(
        Mention(
            value=days.begin.isoformat(),
            words=text[phrase.start : phrase.end],
            start=phrase.start,
            end=phrase.end,
        )
        for phrase in day_phrases(text, today, understood=understood)
        for days in (*phrase.readings, *(phrase.either if either else ()))
        if days.single
    )
