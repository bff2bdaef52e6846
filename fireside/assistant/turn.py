"""One answer of a stored conversation on its way: pieces out, the row kept up to date, a receipt.

A turn always leaves its row in an honest state: `complete`, `stopped` when it was ended early,
`error` when the engine failed, and `partial` only when the process itself was killed.  The
receipt's `finish_reason` says who ended it: `cancelled` is a person, `interrupted` the program,
which was told to stop.  `answering.py` makes the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.answering import Answering
from fireside.assistant.driving import pieces_of, pieces_of_async
from fireside.assistant.pieces import Piece, Said
from fireside.assistant.receipts import receipt_of
from fireside.errors import FiresideError, Unavailable
from fireside.storage import Status, Store, StoredMessage

if TYPE_CHECKING:
    from fireside.engine.text import Generation

FLUSH_SECONDS: Final = 0.5
"""How much of an answer a killed process may lose."""

INTERRUPTED: Final = "interrupted"

STATUS: Final[Mapping[str | None, Status]] = {
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


Shown = Delta | Piece | Done


class Turn:
    """An answer being made; iterate it once, with `for` or `async for`.

    Attributes:
        question: the message that is answered, as stored.
        answer_id: the row that the answer is written to.
        begun: an earlier answer, with whose text this one begins; no `Delta` brings that text.
    """

    def __init__(
        self,
        store: Store,
        core: Answering,
        first: Generation | None,
        *,
        question: StoredMessage,
        answer_id: str,
        sampling: Mapping[str, Any],
        begun: StoredMessage | None = None,
        release: Callable[[], None] = lambda: None,
    ) -> None:
        """first: the core's first generation, if that has begun already.

        release: lets go of the conversation, however often it is called.
        """
        self.question = question
        self.answer_id = answer_id
        self.begun = begun
        self._store = store
        self._core = core
        self._begun_generation = first
        self._sampling = sampling
        self._release = release
        self._interrupted = False
        self._started = self._flushed = time.monotonic()
        self._first: float | None = None

    def __del__(self) -> None:
        self._release()  # one that nobody has iterated

    def cancel(self) -> None:
        """Stop the answer; what has been said stays, and the iteration ends with `Done`."""
        self._core.cancel()

    def interrupt(self) -> None:
        """As `cancel`, because the program stops and not because anybody wants it."""
        if not self._core.cancelled:
            self._interrupted = True
            self._core.cancel()

    @property
    def text(self) -> str:
        """What has been said so far."""
        return self._core.exchange.answer

    def __iter__(self) -> Iterator[Shown]:
        try:
            for piece in pieces_of(self._core, self._begun_generation):
                yield from self._take(piece)
                if self._due():
                    self._flush()
            done = self._seal()
        except BaseException as error:
            self._abandon(error)
            raise
        finally:
            self._release()
        yield done

    async def __aiter__(self) -> AsyncIterator[Shown]:
        try:
            async for piece in pieces_of_async(self._core, self._begun_generation):
                for shown in self._take(piece):
                    yield shown
                if self._due():
                    await asyncio.to_thread(self._flush)
            done = await asyncio.to_thread(self._seal)
        except BaseException as error:
            # No await: a task that is being cancelled may not get another turn.
            self._abandon(error)
            raise
        finally:
            self._release()
        yield done

    def _take(self, piece: Piece) -> Iterator[Shown]:
        if not isinstance(piece, Said):
            yield piece
            return
        if self._first is None:
            self._first = time.monotonic()
        if text := piece.after + piece.text:
            yield Delta(text=text)

    def _due(self) -> bool:
        return time.monotonic() - self._flushed >= FLUSH_SECONDS

    def _flush(self) -> None:
        # A database that is locked for a moment must not cost the answer: the seal will tell.
        with contextlib.suppress(Unavailable):
            self._store.flush(self.answer_id, self.text)
        self._flushed = time.monotonic()

    def _seal(self) -> Done:
        reason = self._core.reason
        failures = [generation.error for generation in self._core.generations]
        failure = next((each for each in failures if each is not None), None)
        said = failure.message if reason == "error" and failure is not None else None
        return self._sealed(STATUS.get(reason, "complete"), reason, said)

    def _sealed(self, status: Status, reason: str | None, error: str | None = None) -> Done:
        # A server that stops cancels whatever its models do, also what nobody has asked to stop.
        if reason == "cancelled" and (self._interrupted or not self._core.cancelled):
            reason = INTERRUPTED
        usage = self._core.usage
        counts = {
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": usage.cached_tokens,
            "completion_tokens": usage.completion_tokens,
        }
        receipt = {
            **receipt_of(self._core, sampling=self._sampling),
            **counts,
            "finish_reason": reason,
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
        if isinstance(error, asyncio.CancelledError):
            self.interrupt()
        self._core.cancel()
        failed = isinstance(error, Exception) and not isinstance(error, BrokenPipeError)
        said = error.message if isinstance(error, FiresideError) else repr(error)
        # The first error is the one to tell; if the row cannot be sealed it stays `partial`.
        with contextlib.suppress(FiresideError):
            if failed:
                self._sealed("error", self._core.reason, said)
            else:
                self._sealed("stopped", "cancelled")

    def _timings(self, tokens: int) -> dict[str, float]:
        now = time.monotonic()
        timings = {"total_s": round(now - self._started, 4)}
        if self._first is not None:
            timings["first_token_s"] = round(self._first - self._started, 4)
            if tokens > 1 and now > self._first:
                timings["tokens_per_s"] = round((tokens - 1) / (now - self._first), 1)
        return timings
