"""Token ids in, text out: the engine's one window to text.

`TextModel` is a model with its tokenizer; `generate` gives a stream of `TextEvent`s whose texts,
joined, are the answer: never half a character, never a piece of a stop string.  Prompts come as
ids: who renders a conversation is the tokenizer's business.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fireside.engine.breakers import BreakerTokens
from fireside.engine.engine import Engine
from fireside.engine.logprobs import TokenLogprob
from fireside.engine.params import SamplingParams
from fireside.engine.request import FinishReason, Request, Step
from fireside.engine.stops import StopScanner
from fireside.errors import FiresideError

if TYPE_CHECKING:
    from fireside.hub import Entry, LocalModel
    from fireside.tokenizer.tokenizer import Tokenizer


Alternative = tuple[int, str, bytes, float]
"""A token that might have been: id, text, bytes, log-probability."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """One token of an answer or a prompt, and its likeliest alternatives if asked for."""

    id: int
    text: str
    bytes: bytes
    logprob: float | None = None
    top: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TextEvent:
    """What came next of answer `index`; the last one of each carries its `finish_reason`.

    `tokens` are those whose text is shown by now.  An id that ended the answer is not among them,
    nor are those of a stop string.
    """

    index: int
    text: str
    tokens: tuple[TokenInfo, ...] = ()
    finish_reason: FinishReason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


class TextModel:
    """A model that is ready to answer.

    Args:
        name: as the caller knows it.
        local: where it came from, or None.
        arithmetic: what it computes in, for a person.
        sampling: what its makers recommend for a chat, where `local` has no catalogue entry.
    """

    def __init__(
        self,
        name: str,
        tokenizer: Tokenizer,
        engine: Engine,
        local: LocalModel | None = None,
        *,
        arithmetic: str = "",
        sampling: Mapping[str, float] | None = None,
    ) -> None:
        self.name = name
        self.tokenizer = tokenizer
        self.engine = engine
        self.local = local
        self.arithmetic = arithmetic
        self.entry: Entry | None = None if local is None else local.entry
        self.sampling: Mapping[str, float] | None = (
            self.entry.sampling if self.entry is not None else sampling
        )
        self._breakers = BreakerTokens(tokenizer)

    @property
    def context(self) -> int:
        """The window in tokens, prompt and answer together."""
        return self.engine.window

    @property
    def is_exact(self) -> bool:
        """Whether an answer does not depend on what else is computed beside it."""
        return self.engine.runner.is_exact

    def generate(
        self, prompt_ids: Sequence[int], params: SamplingParams, *, owner: str = ""
    ) -> Generation:
        """Answer a prompt.  Prefixes are shared among requests of the same `owner` only.

        Raises: as `Engine.submit`.
        """
        if params.dry_multiplier > 0.0:
            breaker_ids = self._breakers.find(params.dry_sequence_breakers)
            params = replace(params, dry_breaker_ids=breaker_ids)
        asked = params
        if params.candidates > params.n:
            params = replace(
                params, n=params.candidates, best_of=None, logprobs=params.logprobs or 0
            )
        request = self.engine.submit(prompt_ids, params, owner=owner, cache_salt=owner)
        return Generation(request, self.tokenizer, asked)


class Generation:
    """One prompt's answers as they come: iterate with `for` or `async for`.

    Dropped before its end, it cancels itself.  A constraint that cannot be compiled is raised by
    the iteration; a failure of the engine ends it with `finish_reason="error"`, see `error`.
    """

    def __init__(self, request: Request, tokenizer: Tokenizer, params: SamplingParams) -> None:
        self._request = request
        self._tokenizer = tokenizer
        self._params = params
        self._answers = [
            _Answer(index, request, tokenizer, params) for index in range(params.candidates)
        ]
        self._ranks = params.candidates > params.n
        self._ready: deque[TextEvent] = deque()

    def cancel(self) -> None:
        """Stop now; the iteration ends with what there is."""
        self._request.cancel()

    @property
    def error(self) -> FiresideError | None:
        return self._request.error

    @property
    def usage(self) -> Usage:
        """Tokens so far; final when the iteration is over."""
        return Usage(
            prompt_tokens=len(self._request.prompt_ids),
            cached_tokens=self._request.cached_tokens,
            completion_tokens=sum(answer.tokens_made for answer in self._answers),
        )

    @property
    def prompt_tokens_info(self) -> tuple[TokenInfo, ...] | None:
        """The prompt's tokens with their log-probabilities, if asked for; the first has none."""
        known = self._request.prompt_logprobs
        if known is None:
            return None
        return tuple(
            _info(self._tokenizer, token_id, logprob)
            for token_id, logprob in zip(self._request.prompt_ids, known, strict=False)
        )

    def __iter__(self) -> Iterator[TextEvent]:
        return self

    def __next__(self) -> TextEvent:
        while not self._ready:
            if self._over:
                raise StopIteration
            self._absorb(next(self._request))
        return self._ready.popleft()

    def __aiter__(self) -> AsyncIterator[TextEvent]:
        return self

    async def __anext__(self) -> TextEvent:
        while not self._ready:
            if self._over:
                raise StopAsyncIteration
            self._absorb(await anext(self._request))
        return self._ready.popleft()

    def __del__(self) -> None:
        if not self._over:
            self.cancel()

    @property
    def _over(self) -> bool:
        return all(answer.finish_reason is not None for answer in self._answers)

    def _absorb(self, step: Step) -> None:
        answer = self._answers[step.index]
        if answer.finish_reason is not None:  # a stop string ended it; the engine has heard now
            return
        event = answer.absorb(step)
        if not self._ranks:
            if event is not None:
                self._ready.append(event)
        elif self._over:
            best = sorted(self._answers, key=lambda a: -a.mean_logprob)
            self._ready.extend(
                answer.whole(index) for index, answer in enumerate(best[: self._params.n])
            )


class _Answer:
    """One candidate on its way from ids to text."""

    def __init__(
        self, index: int, request: Request, tokenizer: Tokenizer, params: SamplingParams
    ) -> None:
        self.index = index
        self.tokens_made = 0
        self.finish_reason: FinishReason | None = None
        self._request = request
        self._tokenizer = tokenizer
        shown = params.shown_ids
        self._detokenizer = tokenizer.detokenizer(shown=shown) if shown else tokenizer.detokenizer()
        self._scanner = StopScanner(params.stop)
        self._keeps_logprobs = params.logprobs is not None
        self._decoded = 0  # characters decoded, and of these shown
        self._shown = 0
        self._pending: deque[tuple[int, TokenInfo]] = deque()  # (where its text begins, token)
        self._events: list[TextEvent] | None = [] if params.candidates > params.n else None
        self._logprob_sum = 0.0

    def absorb(self, step: Step) -> TextEvent | None:
        """What there is to tell of a step; None if it is all held back."""
        ids = step.token_ids
        ends_by_id = (
            step.finish_reason == "stop" and bool(ids) and ids[-1] in self._request.stop_ids
        )
        shown = ""
        for i, token_id in enumerate(ids):
            logprob = None if step.logprobs is None else step.logprobs[i]
            self.tokens_made += 1
            self._logprob_sum += 0.0 if logprob is None else logprob.logprob
            if ends_by_id and i == len(ids) - 1:
                break
            begins = self._decoded
            padding = token_id >= self._tokenizer.vocab_size  # it stands for no text
            text = "" if padding else self._detokenizer.push([token_id])
            self._decoded += len(text)
            shown += self._scanner.push(text)
            self._pending.append(
                (
                    begins,
                    _info(self._tokenizer, token_id, logprob if self._keeps_logprobs else None),
                )
            )
            if self._scanner.stopped:
                self._request.cancel(self.index)
                return self._event(shown, "stop")
        if step.finish_reason is not None:
            shown += self._scanner.push(self._detokenizer.finish())
            if not self._scanner.stopped:
                shown += self._scanner.finish()
                self._decoded = self._shown + len(shown)
        return self._event(shown, "stop" if self._scanner.stopped else step.finish_reason)

    def whole(self, index: int) -> TextEvent:
        """All of it as one event, under another index."""
        events = self._events or []
        return TextEvent(
            index=index,
            text="".join(event.text for event in events),
            tokens=tuple(token for event in events for token in event.tokens),
            finish_reason=self.finish_reason,
        )

    @property
    def mean_logprob(self) -> float:
        return self._logprob_sum / self.tokens_made if self.tokens_made else -math.inf

    def _event(self, shown: str, reason: FinishReason | None) -> TextEvent | None:
        self._shown += len(shown)
        self.finish_reason = reason
        tokens: list[TokenInfo] = []
        while self._pending and (self._pending[0][0] < self._shown or self._decoded == self._shown):
            tokens.append(self._pending.popleft()[1])
        if not shown and not tokens and reason is None:
            return None
        event = TextEvent(index=self.index, text=shown, tokens=tuple(tokens), finish_reason=reason)
        if self._events is not None:
            self._events.append(event)
        return event


def _info(tokenizer: Tokenizer, token_id: int, logprob: TokenLogprob | None) -> TokenInfo:
    text, raw = _spelling(tokenizer, token_id)
    if logprob is None:
        return TokenInfo(id=token_id, text=text, bytes=raw)
    return TokenInfo(
        id=token_id,
        text=text,
        bytes=raw,
        logprob=logprob.logprob,
        top=tuple((other, *_spelling(tokenizer, other), value) for other, value in logprob.top),
    )


def _spelling(tokenizer: Tokenizer, token_id: int) -> tuple[str, bytes]:
    """Text and bytes; none for a row with which a model pads its embedding beyond the tokens."""
    if token_id >= tokenizer.vocab_size:
        return "", b""
    return tokenizer.token_text(token_id), tokenizer.token_bytes(token_id)
