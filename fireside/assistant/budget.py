"""Fit a conversation to a model's window, and say what was left out.

Whole turns go, the oldest first, in steps of a quarter of the room; the system message and the
last message never do.  So the prompt's beginning stays the same for many turns, the engine's
prefix cache holds, and a full window does not cost a whole prefill per question.  What goes is a
function of the messages alone: a client that sends its whole history each time gets the same cuts.
A turn that knows where the one before began starts from there (`least`), and reads no more.

A message is never shortened: one that does not fit alone is an error with the figures.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from fireside.errors import ContextOverflow, FiresideError

STEP: Final = 1 / 4
"""What goes at once, as a share of the room."""

RESERVE: Final = 1024
"""Tokens kept for an answer whose length nobody named; a quarter of the window if that is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How the window is shared: `reserve` tokens for the answer, the rest for the prompt."""

    window: int
    reserve: int

    @classmethod
    def of(cls, window: int, max_tokens: int | None) -> Budget:
        if max_tokens is None:
            return cls(window=window, reserve=min(RESERVE, window // 4))
        return cls(window=window, reserve=min(max_tokens, window // 2))

    @property
    def prompt(self) -> int:
        return self.window - self.reserve


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What may be done to make a prompt fit.

    drops: old turns may be left out; else what does not fit is refused.
    least: the message at which the last answer's prompt began.
    refusal: the error for a prompt of so many tokens; None takes `too_long`.
    """

    budget: Budget
    drops: bool = True
    least: int = 0
    refusal: Callable[[int], FiresideError] | None = None

    def cut(self, starts: Sequence[int], size: Callable[[int], int], *, model: str) -> int:
        """Where the kept messages begin: 0, or one of `starts`.

        size: the tokens of the prompt that begins at a message; later ones are never longer.

        Raises:
            ContextOverflow: it does not fit, and nothing more may be left out.
        """
        cuts = [cut for cut in (0, *starts) if cut >= self.least] or [0]
        room = self.budget.prompt
        whole = size(cuts[0])
        if whole <= room:
            return cuts[0]
        if self.drops:
            step = max(1, int(room * STEP))
            for limit in (whole - step * -(-(whole - room) // step), room):
                chosen = bisect_left(cuts, True, key=lambda cut: size(cut) <= limit)
                if chosen < len(cuts):
                    return cuts[chosen]
        tokens = size(cuts[-1] if self.drops else 0)
        raise too_long(tokens, self.budget, model) if self.refusal is None else self.refusal(tokens)


def too_long(tokens: int, budget: Budget, model: str) -> ContextOverflow:
    return ContextOverflow(
        f"The message is too long: {tokens:,} tokens, and {model} takes at most {budget.prompt:,} "
        f"(a window of {budget.window:,} less {budget.reserve:,} kept for the answer). "
        "Shorten it, or choose a model with a longer context.",
        param="messages",
    )
