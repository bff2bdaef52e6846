"""A model's calls against the words of the request: what nobody said is not done.

    guard = Guard(["move the dentist to Friday"], now, people)
    guard.refusal("calendar_move", {"title": "dentist", "to": "Saturday"})   -> a question

A time must be one that our own reader finds in the request, a title and a message must stand in it,
a sum must have its numbers, and a recipient must be somebody whom one can write to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.requests.phrases import is_generic, is_title
from fireside.assistant.requests.plan import ONLY
from fireside.assistant.requests.spelling import spelled
from fireside.assistant.requests.times import lasting, timed
from fireside.errors import BadRequest
from fireside.language.moments import read_moment
from fireside.language.units import find_unit

if TYPE_CHECKING:
    from fireside.assistant.requests.messages import People
    from fireside.messages import ToolCall

UNCLEAR: Final = f"I am not sure what you mean. {ONLY} Which of these is it?"
NO_SUCH_TIME: Final = "I am not sure about the time. Which day and hour do you mean?"
MOST_CALLS: Final = 2
_ACTS: Final = frozenset({"calendar_add", "calendar_move"})
_DENIED: Final = re.compile(
    r"\b(?:not|isn['’]?t|aren['’]?t|wasn['’]?t|no longer|instead of|rather than|from|except|"
    r"unless|don['’]?t|doesn['’]?t|any ?more)\b",
    re.I,
)
_ASKED: Final = re.compile(
    r"\b(?:do i|am i|have i|did i|is there|are there|was i|what do|what is|"
    r"when is|when do|is anything|anything (?:in|on))\b",
    re.I,
)
_WRITES: Final = re.compile(
    r"\b(?:tell|text|sms|message|e-?mail|mail|write|wrote|written|let|know|say|send|inform|ping|"
    r"hear|dm|notify|note|remind|told|informed|reply|answer|hit up|drop|shoot)\b",
    re.I,
)
_ORDERED: Final = re.compile(
    r"\b(?:(?:could|can|would|will|might|may) (?:you|we|i|it|that|the|my)|please|pls)\b", re.I
)
_QUESTION: Final = re.compile(
    r"^\W*(?:what|when|where|who|which|why|how|is|are|am|do|does|did)\b", re.I
)


class Guard:
    """said: the request, after what it answers, if it answers a question."""

    def __init__(self, said: Sequence[str], now: datetime, people: People) -> None:
        self._written = " \n ".join(said)
        self._text = spelled(self._written).text
        self._last = said[-1]
        self._now = now
        self._people = people

    def check(self, calls: Sequence[ToolCall]) -> str | None:
        """What is said in the place of the calls; None where all of them may run."""
        if not calls or len(calls) > MOST_CALLS or len({call.name for call in calls}) < len(calls):
            return UNCLEAR
        for call in calls:
            try:
                arguments = json.loads(call.arguments or "{}")
            except ValueError:
                return UNCLEAR
            refusal = self.refusal(call.name, arguments)
            if refusal is not None:
                return refusal
        return None

    def refusal(self, name: str, given: Mapping[str, Any]) -> str | None:
        if name in _ACTS and self._asks():
            return UNCLEAR
        match name:
            case "calendar_add":
                return (
                    self._title(given["title"]) or self._length(given) or self._time(given["when"])
                )
            case "calendar_move":
                return self._title(given["title"]) or self._time(given["to"])
            case "calendar_list":
                return self._time(given.get("when", "today"), optional=True)
            case "calendar_free":
                return self._length(given) or self._time(given["when"])
            case "date_time":
                since = given.get("since")
                return self._time(given["when"], optional=True) or (
                    self._time(since) if since else None
                )
            case "send_sms" | "send_email":
                return self._message(name, given)
            case "calculate":
                return self._numbers(str(given["expression"]))
            case "convert":
                units = (str(given["unit_from"]), str(given["unit_to"]))
                return self._numbers(f"{given['amount']:g}") or self._units(*units)
        return None

    def _asks(self) -> bool:
        """The person wants to know something, and orders nothing."""
        text = self._last.strip()
        asked = _QUESTION.match(text) or _ASKED.search(text)
        return bool(asked or (text.endswith("?") and not _ORDERED.search(text)))

    def _time(self, words: str, *, optional: bool = False) -> str | None:
        named = timed(self._text, self._now)
        if optional and words.lower() in ("now", "today") and not named.stretches:
            return None
        try:
            meant = read_moment(words, self._now)
        except BadRequest:
            return NO_SUCH_TIME
        if named.several:
            return self._one_of_several(words)
        if named.moment is None or meant != named.moment:
            return NO_SUCH_TIME
        if any(
            _DENIED.search(self._text[max(0, each.start - 18) : each.start])
            for each in named.stretches
        ):
            return NO_SUCH_TIME
        return None

    def _one_of_several(self, words: str) -> str | None:
        """All of it in one place of the request, with nothing before it that takes it back."""
        place = self._text.lower().find(spelled(words).text.lower())
        if place < 0 or _DENIED.search(self._text[max(0, place - 18) : place]):
            return NO_SUCH_TIME
        around = (
            f"{self._text[max(0, place - 40) : place]} | {self._text[place + len(words) :][:40]}"
        )
        return NO_SUCH_TIME if timed(around, self._now).stretches else None

    def _title(self, title: str) -> str | None:
        good = is_title(title) and not is_generic(title)
        return self._words(title) if good else UNCLEAR

    def _length(self, given: Mapping[str, Any]) -> str | None:
        length = lasting(self._text)
        minutes = given.get("minutes")
        if minutes is None:
            return None
        return None if length is not None and length[0] == minutes else UNCLEAR

    def _message(self, name: str, given: Mapping[str, Any]) -> str | None:
        from fireside.assistant.requests.messages import unknown

        by = "sms" if name == "send_sms" else "email"
        refusal = self._words(given["to"]) or self._words(given["text"])
        if _WRITES.search(self._text) is None:
            return UNCLEAR
        if refusal is not None:
            return refusal
        return None if by in self._people.ways(given["to"]) else unknown(given["to"], by)

    def _words(self, words: str) -> str | None:
        """Each of them stands in the request."""
        there = set(_letters(self._written)) | set(_letters(self._text))
        return None if set(_letters(words)) <= there | {"moved", "to"} else UNCLEAR

    def _units(self, *names: str) -> str | None:
        try:
            for name in names:
                find_unit(name)
        except BadRequest:
            return UNCLEAR
        return self._words(" ".join(names))

    def _numbers(self, expression: str) -> str | None:
        from fireside.language.sums.words import write_in_signs

        numbers = set(re.findall(r"\d+(?:\.\d+)?", write_in_signs(self._text).replace(",", "")))
        used = set(re.findall(r"\d+(?:\.\d+)?", expression.replace(",", "")))
        return None if used and used <= numbers | {"2"} else UNCLEAR


def _letters(text: str) -> list[str]:
    return re.findall(r"[^\W_]{1,40}", text.casefold().replace("'", "").replace("’", ""))
