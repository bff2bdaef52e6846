"""Stand-ins for the rooms below the server: a model that says what it is told to say.

Its tokens are bytes, its answers a fixed text, so a test can tell exactly what must come out.
It never sleeps: an answer that must last is held until the test lets it go on.
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fireside.engine.params import SamplingParams
from fireside.errors import BadSchema, ContextOverflow, Interrupted, UnknownModel
from fireside.hub.aliases import Aliases
from fireside.messages import Message
from fireside.tokenizer.call_syntax import OURS


@dataclass(frozen=True)
class FakeTokenInfo:
    id: int
    text: str
    bytes: bytes
    logprob: float | None
    top: tuple[tuple[int, str, bytes, float], ...] = ()


@dataclass(frozen=True)
class FakeEvent:
    index: int
    text: str
    tokens: tuple[FakeTokenInfo, ...] = ()
    finish_reason: str | None = None


@dataclass(frozen=True)
class FakeUsage:
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class FakeRendered:
    ids: list[int]
    text: str


class FakeTokenizer:
    vocab_size = 256
    chat_template = "a fake one"
    longest_token = 1
    call_syntax = OURS
    control_ids: Mapping[str, int] = {}
    eos_ids: frozenset[int] = frozenset()

    def encode(self, text: str, *, special: bool = False, add_bos: bool = False) -> list[int]:
        return list(text.encode())

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return [self.encode(text) for text in texts]

    def decode(self, ids: Sequence[int], *, skip_special: bool = True) -> str:
        return bytes(ids).decode("utf-8", "replace")

    def render(self, messages: Sequence[Message], **_: Any) -> FakeRendered:
        text = "".join(f"<{each.role}>{each.content}" for each in messages)
        return FakeRendered(self.encode(text), text)


class FakeGeneration:
    def __init__(self, model: FakeModel, prompt: Sequence[int], params: SamplingParams) -> None:
        self.model, self.prompt, self.params = model, prompt, params
        self.cancelled = threading.Event()
        self.made = 0
        self.answer = model.script.pop(0) if model.script else None

    @property
    def usage(self) -> FakeUsage:
        return FakeUsage(len(self.prompt), len(self.prompt) // 2, self.made)

    @property
    def prompt_tokens_info(self) -> list[FakeTokenInfo]:
        return [token(each, None if place == 0 else -0.5) for place, each in enumerate(self.prompt)]

    error = None

    @property
    def may_go_on(self) -> bool:
        return self.model.go_on.is_set() or self.cancelled.is_set()

    def cancel(self) -> None:
        self.cancelled.set()

    def __iter__(self) -> Iterator[FakeEvent]:
        async def all_of_it() -> list[FakeEvent]:
            return [event async for event in self]

        yield from asyncio.run(all_of_it())

    async def __aiter__(self) -> AsyncIterator[FakeEvent]:
        if self.params.constraint is not None and self.params.constraint.value == "(":
            raise BadSchema("The pattern cannot be compiled.", param="constraint")
        answer = self.model.answer if self.answer is None else self.answer
        limit = len(answer) if self.params.max_tokens is None else self.params.max_tokens
        for index in range(self.params.n):
            for place, each in enumerate(answer[:limit]):
                while place == self.model.holds_at and not self.may_go_on:
                    await asyncio.sleep(0.005)
                if self.cancelled.is_set():
                    yield FakeEvent(index, "", (), "cancelled")
                    return
                if place == self.model.fails_at:
                    raise RuntimeError("the secret of the engine")
                self.made += 1
                yield FakeEvent(index, each, (token(ord(each) % 256, -0.25),))
            yield FakeEvent(index, "", (), "stop" if limit >= len(answer) else "length")


def token(byte: int, logprob: float | None) -> FakeTokenInfo:
    text = chr(byte)
    other = (byte ^ 1, chr(byte ^ 1), bytes([byte ^ 1]), float("-inf"))
    top = () if logprob is None else ((byte, text, bytes([byte]), logprob), other)
    return FakeTokenInfo(byte, text, bytes([byte]), logprob, top)


class FakeEmbedder:
    """A text's vector is the sum of its words': texts that share words are near each other."""

    name, width, context, window = "fake-embedding", 16, 200, 120
    tokenizer = FakeTokenizer()
    unknown_id = None

    def __init__(self) -> None:
        self.go_on = threading.Event()  # cleared, every text waits
        self.go_on.set()

    def tokens(
        self, texts: Sequence[str | Sequence[int]], *, param: str | None = None
    ) -> list[list[int]]:
        return [self.tokenizer.encode(t) if isinstance(t, str) else list(t) for t in texts]

    def embed(
        self,
        texts: Sequence[str | Sequence[int]],
        *,
        cancelled: Callable[[], bool] = lambda: False,
        param: str | None = None,
    ) -> tuple[Any, list[int]]:
        import torch

        tokens = self.tokens(texts, param=param)
        rows = torch.full((len(tokens), self.width), 1e-3)
        for row, ids in zip(rows, tokens, strict=True):
            if len(ids) > self.context:
                raise ContextOverflow(f"A text of {len(ids)} tokens is too long.", param=param)
            while not self.go_on.wait(0.01):
                if cancelled():
                    raise Interrupted("cancelled")
            for word in bytes(each % 256 for each in ids).lower().split():
                digest = hashlib.sha256(word.strip(b".,;:!?")).digest()
                row += torch.tensor([each - 127.5 for each in digest[: self.width]])
        return torch.nn.functional.normalize(rows, dim=-1), [len(ids) for ids in tokens]


@dataclass
class FakeModel:
    name: str = "fake:1b"
    entry: None = None
    sampling: None = None
    context: int = 1000
    is_exact: bool = True
    arithmetic: str = "none"
    answer: str = "Hello there"
    script: list[str] = field(default_factory=list)  # the next answers, before `answer`
    holds_at: int | None = None
    fails_at: int | None = None
    tokenizer: FakeTokenizer = field(default_factory=FakeTokenizer)
    submitted: list[FakeGeneration] = field(default_factory=list)
    refuses: Exception | None = None
    go_on: threading.Event = field(default_factory=threading.Event)

    def as_new(self) -> None:
        self.answer, self.holds_at, self.fails_at, self.refuses = "Hello there", None, None, None
        self.script.clear()
        self.go_on.clear()
        self.submitted.clear()

    def holds(self, said: str, rest: str = "") -> None:
        """Answer `said`, and no more of it before `go_on` is set or the answer is cancelled."""
        self.answer, self.holds_at = said + (rest or "."), len(said)

    def generate(
        self, prompt: Sequence[int], params: SamplingParams, *, owner: str = ""
    ) -> FakeGeneration:
        params.validate(self.tokenizer.vocab_size)
        if self.refuses is not None:
            raise self.refuses
        self.submitted.append(FakeGeneration(self, prompt, params))
        return self.submitted[-1]

    @property
    def last(self) -> FakeGeneration:
        return self.submitted[-1]


class FakeModels:
    def __init__(self, model: FakeModel) -> None:
        self.model = model
        self.embedding = FakeEmbedder()
        self.tuned = None
        self.aliases = Aliases(model.name, {"mine": model.name, "a/b": model.name})
        self.closed = False

    def get(self, name: str | None, *, owner: str = "") -> FakeModel:
        if name not in (None, self.model.name):
            raise UnknownModel(f"There is no model {name!r}. Near: {self.model.name}.")
        return self.model

    def names(self, *, owner: str = "") -> list[str]:
        return [self.model.name]

    def embedder(self, name: str | None = None) -> FakeEmbedder:
        if name not in (None, self.embedding.name):
            raise UnknownModel(f"There is no model {name!r}. Near: {self.embedding.name}.")
        return self.embedding

    def embedders(self) -> list[str]:
        return [self.embedding.name]

    def forget(self, name: str) -> None: ...

    def cancel_all(self) -> None:
        for each in self.model.submitted:
            each.cancel()

    def stats(self) -> list[Any]:
        return []

    def close(self) -> None:
        self.closed = True
