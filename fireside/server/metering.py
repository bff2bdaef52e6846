"""Every answer is counted at the one seam that all of them pass: where the models begin them.

`Metered` stands before the models and hands out the same models, whose generations report what
they used when they end: to the key that pays for the request, and to the metrics.  So no endpoint
can forget to count.  It refuses to look into a prompt or an answer.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, cast

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.engine.params import SamplingParams
    from fireside.engine.text import Generation, TextEvent, TextModel, Usage

paying: ContextVar[str | None] = ContextVar("paying", default=None)
"""The id of the key whose request this is; tasks and threads that a request begins inherit it."""


class Meter(Protocol):
    """Who hears of what was used."""

    def first_token(self, seconds: float) -> None: ...
    def used(self, key_id: str | None, prompt: int, cached: int, completion: int) -> None: ...


class MeteredGeneration:
    """A generation that reports, once or in parts, what it used."""

    def __init__(self, inner: Generation, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter
        self._key_id = paying.get()
        self._began: float | None = time.monotonic()
        self._reported = (0, 0, 0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[TextEvent]:
        try:
            for event in self._inner:
                self._heard()
                yield event
        finally:
            self._report()

    async def __aiter__(self) -> AsyncIterator[TextEvent]:
        try:
            async for event in self._inner:
                self._heard()
                yield event
        finally:
            self._report()

    def cancel(self) -> None:
        self._inner.cancel()
        self._report()

    def _heard(self) -> None:
        if self._began is not None:
            self._meter.first_token(time.monotonic() - self._began)
            self._began = None

    def _report(self) -> None:
        usage: Usage = self._inner.usage
        now = (usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens)
        before, self._reported = self._reported, now
        if now != before:
            more = [new - old for new, old in zip(now, before, strict=True)]
            self._meter.used(self._key_id, *more)


class MeteredModel:
    """A model whose generations are counted; everything else is the model's own."""

    def __init__(self, inner: TextModel, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def generate(
        self, prompt_ids: Sequence[int], params: SamplingParams, **how: Any
    ) -> MeteredGeneration:
        return MeteredGeneration(self._inner.generate(prompt_ids, params, **how), self._meter)


class MeteredEmbedder:
    def __init__(self, inner: Any, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def embed(self, texts: Any, *args: Any, **how: Any) -> Any:
        vectors, counts = self._inner.embed(texts, *args, **how)
        self._meter.used(paying.get(), int(sum(counts)), 0, 0)
        return vectors, counts


class MeteredModels:
    """`Models`, counted."""

    def __init__(self, inner: Models, meter: Meter) -> None:
        self._inner = inner
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def get(self, name: str | None = None, **how: Any) -> MeteredModel:
        return MeteredModel(self._inner.get(name, **how), self._meter)

    def embedder(self, name: str | None = None, **how: Any) -> MeteredEmbedder:
        return MeteredEmbedder(self._inner.embedder(name, **how), self._meter)


def metered(models: Models, meter: Meter) -> Models:
    """`models`, whose every answer `meter` hears of."""
    return cast("Models", MeteredModels(models, meter))
