"""One answer on its way: deltas out, the row kept up to date, a receipt at the end.

A turn always leaves its row in an honest state: `complete`, `stopped` when somebody stopped it or
walked away, `error` when the engine failed, and `partial` only when the process itself was killed.
It refuses to build prompts; `chat.py` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.errors import FiresideError, Unavailable
from fireside.storage import Status, Store, StoredMessage

if TYPE_CHECKING:
    from fireside.engine.text import Generation, TextEvent

FLUSH_SECONDS: Final = 0.5
"""How much of an answer a killed process may lose."""

STATUS: Final[Mapping[str | None, Status]] = {
    "stop": "complete",
    "length": "complete",
    "cancelled": "stopped",
    "error": "error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The next piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The answer as it was stored."""

    message: StoredMessage

    @property
    def usage(self) -> Mapping[str, Any]:
        return self.message.usage

    @property
    def receipt(self) -> Mapping[str, Any]:
        return self.message.receipt


class Turn:
    """An answer being generated; iterate it once, with `for` or `async for`.

    Attributes:
        question: the user's message that is answered, as stored.
        answer_id: the row that the answer is written to.
    """

    def __init__(
        self,
        store: Store,
        generation: Generation,
        *,
        question: StoredMessage,
        answer_id: str,
        receipt: Mapping[str, Any],
    ) -> None:
        self.question = question
        self.answer_id = answer_id
        self._store = store
        self._generation = generation
        self._receipt = dict(receipt)
        self._pieces: list[str] = []
        self._finish: str | None = None
        self._started = self._flushed = time.monotonic()
        self._first: float | None = None

    def cancel(self) -> None:
        """Stop the answer; what has been said stays, and the iteration ends with `Done`."""
        self._generation.cancel()

    @property
    def text(self) -> str:
        """What has been said so far."""
        return "".join(self._pieces)

    def __iter__(self) -> Iterator[Delta | Done]:
        try:
            for event in self._generation:
                if delta := self._take(event):
                    yield delta
                if self._due():
                    self._flush()
            done = self._seal(STATUS.get(self._finish, "complete"), self._failure())
        except BaseException as error:
            self._abandon(error)
            raise
        yield done

    async def __aiter__(self) -> AsyncIterator[Delta | Done]:
        try:
            async for event in self._generation:
                if delta := self._take(event):
                    yield delta
                if self._due():
                    await asyncio.to_thread(self._flush)
            status = STATUS.get(self._finish, "complete")
            done = await asyncio.to_thread(self._seal, status, self._failure())
        except BaseException as error:
            # No await: a task that is being cancelled may not get another turn.
            self._abandon(error)
            raise
        yield done

    def _take(self, event: TextEvent) -> Delta | None:
        if event.finish_reason is not None:
            self._finish = event.finish_reason
        if event.tokens and self._first is None:
            self._first = time.monotonic()
        if not event.text:
            return None
        self._pieces.append(event.text)
        return Delta(text=event.text)

    def _failure(self) -> str | None:
        """What the engine says went wrong, if it ended the answer by an error."""
        failure = self._generation.error
        return failure.message if self._finish == "error" and failure is not None else None

    def _due(self) -> bool:
        return time.monotonic() - self._flushed >= FLUSH_SECONDS

    def _flush(self) -> None:
        # A database that is locked for a moment must not cost the answer: the seal will tell.
        with contextlib.suppress(Unavailable):
            self._store.flush(self.answer_id, self.text)
        self._flushed = time.monotonic()

    def _seal(self, status: Status, error: str | None = None) -> Done:
        usage = self._generation.usage
        counts = {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
        }
        receipt = {
            **self._receipt,
            **counts,
            "finish_reason": self._finish,
            "timings": self._timings(usage.completion_tokens),
        }
        if error is not None:
            receipt["error"] = error
        message = self._store.seal(
            self.answer_id, self.text, status=status, usage=counts, receipt=receipt
        )
        return Done(message=message)

    def _abandon(self, error: BaseException) -> None:
        """The consumer walked away, or something failed: stop the engine, keep what was said."""
        self._generation.cancel()
        failed = isinstance(error, Exception) and not isinstance(error, BrokenPipeError)
        said = error.message if isinstance(error, FiresideError) else repr(error)
        # The first error is the one to tell; if the row cannot be sealed it stays `partial`.
        with contextlib.suppress(FiresideError):
            if failed:
                self._seal("error", said)
            else:
                self._finish = "cancelled"
                self._seal("stopped")

    def _timings(self, tokens: int) -> dict[str, float]:
        now = time.monotonic()
        timings = {"total_s": round(now - self._started, 4)}
        if self._first is not None:
            timings["first_token_s"] = round(self._first - self._started, 4)
            if tokens > 1 and now > self._first:
                timings["tokens_per_s"] = round((tokens - 1) / (now - self._first), 1)
        return timings
