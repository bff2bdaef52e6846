"""Where the oldest messages of a growing conversation end, in steps.

A conversation that fills its room is cut to a share of it, and not cut again before it is full
anew: so the prompt begins with the same tokens for many turns, and the engine's prefix cache
holds.  The cuts are a pure function of the messages, of the room, and of the cut to begin from.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

HIGH, LOW = 0.8, 0.45
"""Shares of the room: history beyond the first is cut until it is below the second."""
AROUND: Final = 8
"""Tokens that a template writes around a message, at most, of the families that we know."""


class Sizes:
    """Tokens of messages, counted once: a message is never rewritten."""

    MOST: Final = 100_000

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int, int], int] = OrderedDict()

    def of(self, model: TextModel, messages: Sequence[Message]) -> list[int]:
        return [AROUND + sum(self._one(model, text) for text in _texts(each)) for each in messages]

    def _one(self, model: TextModel, text: str) -> int:
        if not text:
            return 0
        key = (model.name, len(text), hash(text))
        size = self._known.get(key)
        if size is None:
            size = self._known[key] = len(model.tokenizer.encode(text))
            while len(self._known) > self.MOST:
                self._known.popitem(last=False)
        return size


def cuts(
    sizes: Sequence[int],
    asks: Sequence[bool],
    starts: Sequence[int],
    room: int,
    *,
    high: float = HIGH,
    low: float = LOW,
    for_summary: int = 0,
    begun: bool = False,
) -> list[int]:
    """Where the history began as the conversation grew, question by question: the messages before
    each of these are out.  Empty where nothing ever had to go.

    sizes: tokens of each message.  asks: whether it is a person's, to which a prompt was made.
    starts: places that a history may begin at.  high, low: shares of the room, see `HIGH`.
    for_summary: tokens of what stands for messages that are out.  begun: some were out before
    the first of these.
    """
    found: list[int] = []
    begin, total = 0, 0
    for place, size in enumerate(sizes):
        total += size
        out = begun or begin > 0
        if not asks[place] or total + (for_summary if out else 0) <= high * room:
            continue
        first = begin
        for start in starts[bisect_right(starts, begin) : bisect_right(starts, place)]:
            total -= sum(sizes[begin:start])
            begin = start
            if total + for_summary <= low * room:
                break
        if begin > first:
            found.append(begin)
    return found


def _texts(message: Message) -> list[str]:
    return [message.content, *(call.name + call.arguments for call in message.tool_calls)]
