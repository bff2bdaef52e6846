"""Fit a conversation to a model's window, and say what was left out.

Whole turns go, the oldest first; the system message and the last message never do.  Two choices
keep the prompt's beginning the same from turn to turn, so that the engine's prefix cache holds and
a full window does not cost a whole prefill per question: a cut is made deeper than needed
(`SLACK`), and the next turn starts from the cut of the one before.

It refuses to shorten a message: one that does not fit alone is an error with the figures.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fireside.errors import ContextOverflow, FiresideError
from fireside.messages import Message
from fireside.storage import StoredMessage

SLACK: Final = 3 / 4
"""A new cut leaves the prompt at most this share of its room."""

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
class Fitted:
    """A prompt that fits: its ids, and the messages before `first` that it leaves out."""

    ids: Sequence[int]
    dropped: Sequence[StoredMessage]

    def as_receipt(self, budget: Budget) -> list[dict[str, Any]]:
        """The dropped messages are always the beginning of the path, so two ends name them."""
        if not self.dropped:
            return []
        return [
            {
                "first_id": self.dropped[0].id,
                "last_id": self.dropped[-1].id,
                "messages": len(self.dropped),
                "reason": f"the window of {budget.window} tokens is full",
            }
        ]


def fit(
    path: Sequence[StoredMessage],
    *,
    system: str | None,
    budget: Budget,
    render: Callable[[Sequence[Message]], Sequence[int]],
    model: str,
) -> Fitted:
    """The prompt for the last message of `path`, as much of the path before it as fits.

    Raises:
        ContextOverflow: the last message does not fit even alone.
    """
    rendered: dict[int, Sequence[int]] = {}

    def ids_from(cut: int) -> Sequence[int]:
        if cut not in rendered:
            rendered[cut] = render(as_prompt(path[cut:], system))
        return rendered[cut]

    cuts = [0, *(i for i, said in enumerate(path) if i and said.role == "user")]
    cuts = [cut for cut in cuts if cut >= previous_cut(path, budget, model)]
    chosen = 0
    if len(ids_from(cuts[0])) > budget.prompt:
        # A later cut never renders longer, so both limits can be searched by halves.
        for room in (int(budget.prompt * SLACK), budget.prompt):
            chosen = bisect_left(cuts, True, key=lambda cut: len(ids_from(cut)) <= room)
            if chosen < len(cuts):
                break
        else:
            raise too_long(len(ids_from(cuts[-1])), budget, model)
    return Fitted(ids=ids_from(cuts[chosen]), dropped=path[: cuts[chosen]])


def as_prompt(path: Sequence[StoredMessage], system: str | None) -> list[Message]:
    """The messages as a template takes them.

    An answer that was cut off before its first word is left out, and what a person said in two
    goes becomes one message: many templates insist that user and assistant alternate.
    """
    prompt = [Message(role="system", content=system)] if system else []
    for said in path:
        if said.role == "assistant" and not said.content and not said.tool_calls:
            continue
        message = said.as_message()
        if prompt and prompt[-1].role == message.role == "user":
            both = f"{prompt[-1].content}\n\n{message.content}"
            prompt[-1] = Message(role="user", content=both, name=message.name)
        else:
            prompt.append(message)
    return prompt


def previous_cut(path: Sequence[StoredMessage], budget: Budget, model: str) -> int:
    """Where the last answer's prompt began, if the same model with the same room made it."""
    for said in reversed(path):
        if said.receipt:
            receipt: Mapping[str, Any] = said.receipt
            same = receipt.get("model") == model and receipt.get("window") == budget.window
            count = sum(d["messages"] for d in receipt.get("dropped", ())) if same else 0
            return int(count)
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """What may be done to make a prompt fit.

    drops: old turns may be left out; else what does not fit is refused.
    slack, least: see above.  least: the message at which the last answer's prompt began.
    refusal: the error for a prompt of so many tokens; None takes `too_long`.
    """

    budget: Budget
    drops: bool = True
    slack: float = SLACK
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
        if size(cuts[0]) <= room:
            return cuts[0]
        if self.drops:
            for limit in (int(room * self.slack), room):
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
