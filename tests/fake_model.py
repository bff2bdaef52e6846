"""A model that can be read: one token per letter, and answers that the test writes.

It stands at the seam of `fireside.engine.text`: the same names, none of the arithmetic.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from fireside.engine.params import SamplingParams
from fireside.errors import FiresideError
from fireside.messages import Message
from fireside.tokenizer.call_syntax import OURS, CallSyntax


@dataclass
class Letters:
    """A tokenizer whose tokens are letters, and whose template is `<role>content`."""

    vocab_size: int = 0x110000
    longest_token: int = 1
    renders: int = 0
    call_syntax: CallSyntax = OURS
    control_ids: Mapping[str, int] = field(default_factory=dict)
    eos_ids: frozenset[int] = frozenset()

    def continue_text(self) -> None: ...

    def encode(self, text: str, **_: Any) -> list[int]:
        return [ord(letter) for letter in text]

    def decode(self, ids: Sequence[int], **_: Any) -> str:
        return "".join(map(chr, ids))

    def render(
        self, messages: Sequence[Message], continue_final: bool = False, **_: Any
    ) -> SimpleNamespace:
        self.renders += 1
        text = "".join(f"<{m.role}>{m.content}" for m in messages)
        text += "" if continue_final else "<assistant>"
        return SimpleNamespace(ids=[ord(letter) for letter in text], text=text)


@dataclass
class Token:
    logprob: float | None = -0.5


@dataclass
class Event:
    text: str
    tokens: tuple[Token, ...] = (Token(),)
    finish_reason: str | None = None
    index: int = 0


@dataclass
class FakeGeneration:
    prompt: str
    params: SamplingParams
    pieces: list[str]
    failure: BaseException | None = None
    on_event: Callable[[int], None] = lambda n: None
    cancelled: bool = False
    end: str | None = None  # where nothing else ends it
    error: FiresideError | None = None
    said: int = 0

    def __iter__(self) -> Iterator[Event]:
        most = self.params.max_tokens
        for n, piece in enumerate(self.pieces[:most]):
            self.on_event(n)
            if self.cancelled:
                break
            self.said += 1
            yield Event(piece)
        if self.failure is not None:
            raise self.failure
        is_cut = most is not None and most < len(self.pieces)
        end = self.end or ("length" if is_cut else "stop")
        yield Event("", (), "cancelled" if self.cancelled else end)

    async def __aiter__(self) -> AsyncIterator[Event]:
        for event in self:
            yield event

    def cancel(self) -> None:
        self.cancelled = True

    @property
    def usage(self) -> SimpleNamespace:
        return SimpleNamespace(
            prompt_tokens=len(self.prompt), cached_tokens=0, completion_tokens=self.said
        )


@dataclass
class FakeModel:
    """Answers with `script`, one list of pieces per turn, then with `ok`."""

    name: str = "fake"
    context: int = 2000
    is_exact: bool = True
    arithmetic: str = "none"
    entry: Any = None
    sampling: Any = None
    tokenizer: Letters = field(default_factory=Letters)
    script: list[list[str]] = field(default_factory=list)
    failure: BaseException | None = None
    on_event: Callable[[int], None] = lambda n: None
    asked: list[FakeGeneration] = field(default_factory=list)

    def generate(
        self, prompt_ids: Sequence[int], params: SamplingParams, *, owner: str = ""
    ) -> FakeGeneration:
        pieces = self.script.pop(0) if self.script else ["ok"]
        prompt = "".join(map(chr, prompt_ids))
        made = FakeGeneration(prompt, params, pieces, self.failure, self.on_event)
        self.asked.append(made)
        return made


@dataclass
class FakeModels:
    model: FakeModel

    def get(self, name: str | None, *, owner: str = "") -> FakeModel:
        return self.model

    def cancel_all(self) -> None:
        for each in self.model.asked:
            each.cancel()

    def close(self) -> None: ...
