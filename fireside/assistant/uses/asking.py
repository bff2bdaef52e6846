"""One bounded question to the model, and what it wrote.

The prompt is the persona's instructions and the task; nothing else of the conversation.  It
refuses to hide that an answer was cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from fireside.assistant.repetition import RepetitionGuard
from fireside.engine.params import Constraint, SamplingParams
from fireside.errors import ContextOverflow, FiresideError
from fireside.messages import Message

if TYPE_CHECKING:
    from fireside.engine.text import TextModel


@dataclass(frozen=True, slots=True)
class Written:
    """whole: the model came to its end by itself."""

    text: str
    whole: bool


class Ask(Protocol):
    @property
    def window(self) -> int:
        """Tokens of prompt and answer together."""
        ...

    def __call__(
        self, text: str, *, max_tokens: int, constraint: Constraint | None = None
    ) -> Written: ...

    def tokens(self, text: str) -> int: ...

    def cut(self, text: str, tokens: int) -> list[str]:
        """The text in pieces of so many tokens at most; joined, they are the text."""
        ...


class Asking:
    """`Ask` of a real model, greedy: the same text gives the same answer."""

    def __init__(self, model: TextModel, *, instructions: str = "", owner: str = "") -> None:
        self._model = model
        self._instructions = instructions
        self._owner = owner

    @property
    def window(self) -> int:
        return self._model.context

    def __call__(
        self, text: str, *, max_tokens: int, constraint: Constraint | None = None
    ) -> Written:
        """
        Raises:
            ContextOverflow: prompt and answer exceed the window.
            Overloaded: the engine's queue is full.
            FiresideError: the engine failed, or the constraint cannot be compiled.
        """
        ids = self.rendered(text)
        if len(ids) + max_tokens > self.window:
            raise ContextOverflow(
                f"A prompt of {len(ids)} tokens and an answer of {max_tokens} do not fit the "
                f"{self.window} of {self._model.name}: choose a model with a longer context.",
                param="messages",
            )
        # Greedy decoding of a small model falls into loops; the penalty keeps it out of most.
        params = SamplingParams(
            temperature=0.0, repetition_penalty=1.05, max_tokens=max_tokens, constraint=constraint
        )
        said, end = "", None
        guard = RepetitionGuard() if constraint is None else None
        generation = self._model.generate(ids, params, owner=self._owner)
        for event in generation:
            said += event.text if guard is None else guard.feed(event.text)
            end = event.finish_reason or end
            if end is None and guard is not None and guard.found is not None:
                generation.cancel()
        said += "" if guard is None else guard.finish(is_cut=end == "length")
        if end == "error":
            raise generation.error or FiresideError("The engine failed while it wrote.")
        return Written(text=said.strip(), whole=end == "stop")

    def rendered(self, text: str) -> Sequence[int]:
        system = [Message(role="system", content=self._instructions)] * bool(self._instructions)
        asked = [*system, Message(role="user", content=text)]
        return self._model.tokenizer.render(asked).ids

    def tokens(self, text: str) -> int:
        return len(self._model.tokenizer.encode(text))

    def cut(self, text: str, tokens: int) -> list[str]:
        """At white space: a model reads whole words."""
        pieces, left = [], text
        while self.tokens(left) > tokens:
            low, high = 1, len(left)
            while low < high:  # the longest beginning that fits
                middle = (low + high + 1) // 2
                low, high = (middle, high) if self.tokens(left[:middle]) <= tokens else (
                    low, middle - 1
                )  # fmt: skip
            end = left.rfind(" ", 1, low) + 1 or low
            pieces.append(left[:end])
            left = left[end:]
        return [*pieces, left] if left else pieces
