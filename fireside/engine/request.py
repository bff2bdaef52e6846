"""A request and its sequences: what the caller holds, and what the engine's thread works on.

`Request` is the caller's end: iterate it, cancel it.  `Sequence` is one candidate answer in the
engine; only the engine's thread touches it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from fireside.engine.logprobs import TokenLogprob
from fireside.engine.mailbox import Mailbox, Wakes
from fireside.engine.matcher import Matcher
from fireside.engine.params import SamplingParams
from fireside.engine.sampler import SequenceSampler
from fireside.engine.speculation import Drafter
from fireside.errors import FiresideError

FinishReason = Literal["stop", "length", "cancelled", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one step of the engine added to one candidate.

    Args:
        index: which candidate, from 0.
        token_ids: the new tokens, usually one; an id that ends the answer is the last of them.
        logprobs: one per token if asked for, else None.
        finish_reason: None while the candidate goes on.
    """

    index: int
    token_ids: tuple[int, ...]
    logprobs: tuple[TokenLogprob, ...] | None = None
    finish_reason: FinishReason | None = None


class Request:
    """One submitted prompt.  Iterate it, with `for` or `async for`, until every candidate ends.

    A fault of the request itself that shows only later (a schema that cannot be compiled) is
    raised by the iteration, before any step.  A failure of the engine ends the candidates with
    `finish_reason="error"`, and `error` says which.

    Attributes:
        prompt_ids, params, owner: as submitted.
        stop_ids: every id that ends this request's answers.
        cached_tokens: prompt tokens taken over from earlier requests; known at the first step.
        prompt_logprobs: one per prompt token if asked for; None for the first, and for those
            before `prompt_logprobs_from`; whole at the first step.
        error: why it ended with "error".
    """

    def __init__(
        self,
        prompt_ids: tuple[int, ...],
        params: SamplingParams,
        *,
        owner: str,
        cache_salt: str,
        stop_ids: frozenset[int],
        on_cancel: Callable[[Request, int | None], None],
    ) -> None:
        self.prompt_ids = prompt_ids
        self.params = params
        self.owner = owner
        self.cache_salt = cache_salt
        self.stop_ids = stop_ids
        self.cached_tokens = 0
        self.prompt_logprobs: list[TokenLogprob | None] | None = (
            None
            if params.prompt_logprobs is None
            else [None] * min(max(1, params.prompt_logprobs_from), len(prompt_ids))
        )
        self.error: FiresideError | None = None
        self._mailbox: Mailbox[Step | FiresideError] = Mailbox()
        self._on_cancel = on_cancel
        self._open = params.candidates
        self.submitted_at = time.monotonic()

    def cancel(self, index: int | None = None) -> None:
        """End all candidates, or one that has said something.  Any thread may call this; their
        slots are free before the engine's next step.  What had been said can still be read."""
        self._on_cancel(self, index)

    def __iter__(self) -> Iterator[Step]:
        return self

    def __next__(self) -> Step:
        if self._open == 0:
            raise StopIteration
        return self._received(self._mailbox.take())

    def __aiter__(self) -> AsyncIterator[Step]:
        return self

    async def __anext__(self) -> Step:
        if self._open == 0:
            raise StopAsyncIteration
        return self._received(await self._mailbox.take_async())

    def _received(self, item: Step | FiresideError) -> Step:
        if isinstance(item, FiresideError):
            self._open = 0
            raise item
        if item.finish_reason is not None:
            self._open -= 1
        return item

    # The engine's end

    def emit(self, item: Step | FiresideError, wakes: Wakes) -> None:
        self._mailbox.put(item, wakes)


class Sequence:
    """One candidate: its tokens, its share of the KV cache, how it chooses.

    Attributes:
        tokens: prompt and answer so far.
        begun: it has been admitted once.
        computed: how many of them are in the KV cache.
        blocks: the block table.
        keys: prefix-index keys of the first full blocks, as far as they are known.
        limit: the length at which it must end.
        forks: candidates that will branch off when the prompt is computed.
    """

    __slots__ = (
        "begun",
        "blocks",
        "computed",
        "drafter",
        "finish_reason",
        "forks",
        "index",
        "keys",
        "limit",
        "matcher",
        "prompt_length",
        "request",
        "sampler",
        "tokens",
    )

    def __init__(
        self,
        request: Request,
        index: int,
        *,
        sampler: SequenceSampler,
        limit: int,
        drafter: Drafter | None,
        matcher: Matcher | None = None,
        forks: int = 0,
    ) -> None:
        self.request = request
        self.index = index
        self.sampler = sampler
        self.limit = limit
        self.drafter = drafter
        self.forks = forks
        self.matcher = matcher
        self.tokens = list(request.prompt_ids)
        self.prompt_length = len(self.tokens)
        self.begun = False
        self.computed = 0
        self.blocks: list[int] = []
        self.keys: list[bytes] = []
        self.finish_reason: FinishReason | None = None

    @property
    def remaining(self) -> int:
        """Tokens that are not in the KV cache yet; 1 means that it is decoding."""
        return len(self.tokens) - self.computed

    @property
    def position(self) -> int:
        """The place in the answer of the token to come."""
        return len(self.tokens) - self.prompt_length

    def branch(self, index: int) -> Sequence:
        """Another candidate for the same prompt, with nothing computed and nothing said."""
        return Sequence(
            self.request,
            index,
            sampler=self.sampler.branch(index),
            limit=self.limit,
            drafter=None if self.drafter is None else Drafter(),
            matcher=None if self.matcher is None else self.matcher.branch(),
        )
