"""What an answer is worth, by a rule that can be checked: GRPO's rewards, as data.

    number                       the last number of the text is the problem's (GSM8K's `#### 42`)
    exact                        the text is the problem's answer, but for white space around it
    choice:LABEL,LABEL,...       the last label that the text names is the problem's answer
    regex:PATTERN                the text holds PATTERN somewhere
    length:MOST, length:LEAST-MOST     so many words; less is given the further off

Rules are summed with weights: `number + 0.2 * length:40`.  A `regex:` takes the rest of the line.
Each rule gives a number from 0 to 1.  This file runs nothing that a model wrote.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Protocol

from fireside.errors import BadRequest

_NUMBER = re.compile(r"[-+]?\$?\d[\d,]*(?:\.\d+)?")
_WEIGHTED = re.compile(r"\s*(?:(\d+(?:\.\d+)?)\s*\*\s*)?([a-z]+)\s*(?::(.*))?", re.DOTALL)


class Rule(Protocol):
    def __call__(self, text: str, answer: str) -> float:
        """From 0 to 1.  text: what the model said.  answer: what the problem says is right."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """The last number of the text, or the one behind the last `####`."""

    def __call__(self, text: str, answer: str) -> float:
        wanted, found = number_in(answer), number_in(text)
        return float(wanted is not None and wanted == found)


@dataclass(frozen=True, slots=True)
class Exact:
    def __call__(self, text: str, answer: str) -> float:
        return float(text.strip() == answer.strip())


@dataclass(frozen=True, slots=True)
class Choice:
    """Labels of one letter must be written as they are; longer ones in any case."""

    labels: tuple[str, ...]

    def __call__(self, text: str, answer: str) -> float:
        last, said = -1, None
        for label in self.labels:
            flags = re.IGNORECASE if len(label) > 1 else 0
            for match in re.finditer(rf"(?<!\w){re.escape(label)}(?!\w)", text, flags):
                if match.start() > last:
                    last, said = match.start(), label
        return float(said is not None and said.casefold() == answer.strip().casefold())


@dataclass(frozen=True, slots=True)
class Regex:
    pattern: re.Pattern[str]

    def __call__(self, text: str, answer: str) -> float:
        return float(self.pattern.search(text) is not None)


@dataclass(frozen=True, slots=True)
class Length:
    """Words.  1 from `least` to `most`; outside, the share that is missing or too much."""

    least: int
    most: int

    def __call__(self, text: str, answer: str) -> float:
        words = len(text.split())
        if words < self.least:
            return words / self.least
        return 1.0 if words <= self.most else self.most / words


@dataclass(frozen=True, slots=True)
class Reward:
    """A weighted sum of rules; `parts` in the order in which they were written."""

    parts: tuple[tuple[float, Rule], ...]

    def __call__(self, text: str, answer: str) -> float:
        return sum(weight * rule(text, answer) for weight, rule in self.parts)

    @classmethod
    def of(cls, text: str) -> Reward:
        """Read the notation above.  Errors: BadRequest, naming the rules there are."""
        parts = []
        for piece in _pieces(text):
            match = _WEIGHTED.fullmatch(piece)
            if match is None or match[2] not in RULES:
                raise BadRequest(
                    f"reward: {piece.strip()!r} is no rule; there are {', '.join(RULES)}",
                    param="reward",
                )
            weight = 1.0 if match[1] is None else float(match[1])
            parts.append((weight, RULES[match[2]]((match[3] or "").strip())))
        return cls(tuple(parts))


def number_in(text: str) -> Decimal | None:
    """The number behind the last `####`, else the last number; commas and $ do not count."""
    found = _NUMBER.findall(text.rpartition("####")[2])
    if not found:
        return None
    try:
        return Decimal(found[-1].replace(",", "").replace("$", ""))
    except InvalidOperation:
        return None


def _pieces(text: str) -> list[str]:
    """Cut at `+`, but not behind `regex:`."""
    before, colon, pattern = text.partition("regex:")
    pieces = before.split("+")
    if colon:
        pieces[-1] += colon + pattern
    return pieces


def _plain(rule: Callable[[], Rule]) -> Callable[[str], Rule]:
    def made(argument: str) -> Rule:
        if argument:
            raise BadRequest(f"reward: a rule takes nothing behind its colon, not {argument!r}")
        return rule()

    return made


def _choice(argument: str) -> Rule:
    labels = tuple(filter(None, (label.strip() for label in argument.split(","))))
    if len(labels) < 2:
        raise BadRequest("reward: choice needs its labels: choice:A,B,C", param="reward")
    return Choice(labels)


def _regex(argument: str) -> Rule:
    try:
        return Regex(re.compile(argument, re.DOTALL))
    except re.error as wrong:
        raise BadRequest(f"reward: regex:{argument}: {wrong}", param="reward") from None


def _length(argument: str) -> Rule:
    match = re.fullmatch(r"(?:(\d{1,6})-)?(\d{1,6})", argument)
    if match is None or int(match[1] or 0) > int(match[2]) or int(match[2]) < 1:
        raise BadRequest("reward: length needs words: length:20 or length:5-20", param="reward")
    return Length(int(match[1] or 0), int(match[2]))


RULES: dict[str, Callable[[str], Rule]] = {
    "number": _plain(Number),
    "exact": _plain(Exact),
    "choice": _choice,
    "regex": _regex,
    "length": _length,
}
