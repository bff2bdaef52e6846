"""One response being made, the same for every way of waiting for it: a body, a stream, a socket,
or nobody (background).

`start.py` does the slow part before the first token, `Run.events` the rest, and the rows are
written before the last event says that it is over.  A response whose client left before its end
is kept nowhere, unless it was asked for in the background.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.answering import Answering
from fireside.assistant.driving import pieces_of_async
from fireside.assistant.pieces import Asked, Cited, Piece, Said, ToolEnded, ToolStarted
from fireside.assistant.receipts import receipt_of
from fireside.engine.calling import Arguments, CallEnded, CallStarted
from fireside.errors import BadRequest, FiresideError, NotFound
from fireside.server.answers import check_end
from fireside.server.errors import log
from fireside.server.logprobs import chat_logprobs
from fireside.server.responses import context
from fireside.server.responses.items import Item
from fireside.server.responses.reply import Event, Reply
from fireside.server.responses.search import Searched
from fireside.server.responses.state import State
from fireside.server.responses.wire import CreateResponse
from fireside.server.streaming import submitted

if TYPE_CHECKING:
    from fireside.engine.text import Generation, TextEvent, TokenInfo

WHOLE: Final = frozenset({"stop", "tool_calls", "asks", "repetition"})
"""Ends of an answer from which nothing is missing."""


@dataclass(kw_only=True)
class Run:
    """said: history and input.  core: makes the answer.  listed: what MCP servers offer.  release:
    lets go of what was locked, once."""

    call: CreateResponse
    owner: str
    state: State
    said: context.Said
    reply: Reply
    core: Answering
    searched: Searched | None
    listed: list[Item] = field(default_factory=list)
    sampling: Mapping[str, Any]
    release: Callable[[], None]
    memory: dict[str, list[Item]]
    warm: bool = False
    failure: Exception | None = None
    cancelled: bool = False
    begun: bool = False
    receipt: Mapping[str, Any] = field(default_factory=dict)
    _stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def response(self) -> Item:
        return self.reply.response

    @property
    def waits_for_tools(self) -> bool:
        """A tool that was agreed to runs first: nobody is kept waiting for the first event."""
        return bool(self.core.wanted.decisions)

    async def begin(self) -> Generation | None:
        """Hand the prompt to the engine, once; None if no model is asked.

        Raises:
            Overloaded: its queue is full.
        """
        if not self.begun:
            self.begun = True
            try:
                await submitted(lambda _: self.core.begin(), lambda _: self.core.cancel())
            except BaseException:
                self.release()
                raise
        return self.core.generation

    def cancel(self) -> None:
        """End with what there is, as `cancelled`."""
        self.cancelled = True
        self._stop.set()
        self.core.cancel()

    def close(self) -> None:
        """Nobody waits any more.  Harmless after the end."""
        if not self.core.over:
            self.core.cancel()
        self.release()

    async def whole(self) -> Item:
        """The finished object.

        Raises: whatever the answer failed with.
        """
        async for _ in self.events():
            pass
        if self.failure is not None:
            raise self.failure
        return self.reply.shown

    async def events(
        self,
        source: AsyncIterator[TextEvent] | None = None,
        place: asyncio.Future[None] | None = None,
    ) -> AsyncIterator[Event]:
        """Every event, from `response.created` to the one that ends it.

        source: the generation's, if its beginning was waited for.  place: to wait for before it
        begins.
        """
        try:
            async for event in self._lifecycle(source, place):
                yield event
        except Exception as error:
            self.failure = in_callers_words(error, self.call)
            if not isinstance(error, FiresideError):
                log.exception("failed while answering")
            for event in self.reply.close("incomplete"):
                yield event
            self.reply.fail(self.failure, self._usage)
            yield self.reply.failure(self.failure)
            if self.call.stream or self.call.background:
                await self._save_failure()
            yield self.reply.about("failed")
        finally:
            self.close()

    @property
    def _usage(self) -> Item | None:
        return usage_of(self.core) if self.core.generations or self.core.over else None

    async def _lifecycle(
        self, source: AsyncIterator[TextEvent] | None, place: asyncio.Future[None] | None
    ) -> AsyncIterator[Event]:
        if self.call.background:
            self.response["status"] = "queued"
            yield self.reply.about("created")
            yield self.reply.about("queued")
        else:
            yield self.reply.about("created")
        if place is not None:
            await self._wait_for(place)
        if self.cancelled and not self.begun:
            self.reply.finish("cancelled", None)
            await asyncio.to_thread(self._save)
            yield self.reply.about("cancelled")
            return
        pieces = self._pieces(source)
        first = await anext(pieces, None) if self.call.background else None
        self.response["status"] = "in_progress"
        yield self.reply.about("in_progress")
        for item in self.listed:
            for made in self.reply.listed(item):
                yield made
        if self.searched is not None:
            found = self.searched
            for made in self.reply.searched(found.queries, found.results):
                yield made
        while (piece := first or await anext(pieces, None)) is not None:
            first = None
            for made in self._made(piece):
                yield made
        if not (self.cancelled and self.core.reason == "cancelled"):
            check_end(self.core.reason, self.core.generations)
        async for made in self._end():
            yield made

    async def _pieces(self, source: AsyncIterator[TextEvent] | None) -> AsyncIterator[Piece]:
        if source is None and (not self.waits_for_tools or self.begun):
            source = await self.begin()
        if self.warm:
            async for event in source or _nothing():
                self.core.reason = event.finish_reason or self.core.reason
            return
        self.begun = True
        async for piece in pieces_of_async(self.core, source):
            yield piece

    async def _wait_for(self, place: asyncio.Future[None]) -> None:
        """Until it is there, or this is cancelled."""
        stop = asyncio.ensure_future(self._stop.wait())
        either: set[asyncio.Future[Any]] = {place, stop}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stop.cancel()
        if place.done():
            place.result()

    def _made(self, piece: Piece) -> Iterator[Event]:
        match piece:
            case Said(text=text, kept=kept, tokens=tokens):
                logprobs = logprobs_of(list(tokens)) if self.call.wants_logprobs else []
                yield from self.reply.text(text, logprobs, kept)
            case Cited(source=source, index=index):
                yield self.reply.cited(source, index)
            case CallStarted(id=call_id, name=name):
                yield from self.reply.called(call_id, name)
            case Arguments(text=text):
                yield self.reply.arguments(text)
            case CallEnded():
                yield from self.reply.close("completed")
            case ToolStarted(call=call, approval=approval):
                yield from self.reply.tool_started(call, approval)
            case ToolEnded(run=run):
                yield from self.reply.tool_ended(run)
            case Asked(call=call):
                yield from self.reply.asked(call)

    async def _end(self) -> AsyncIterator[Event]:
        reason = self.core.reason
        cut = reason not in WHOLE and not (self.warm and reason == "length")
        if not self.reply.spoke and not self.warm:
            for made in self.reply.text("", []):
                yield made
        for made in self.reply.close("incomplete" if cut else "completed"):
            yield made
        usage = self._usage
        if self.core.exchange.notices:
            ours = self.response.get("fireside", {})
            self.response["fireside"] = ours | {"notices": list(self.core.exchange.notices)}
        if reason == "cancelled":
            self.reply.finish("cancelled", usage)
        elif cut:
            why = "content_filter" if reason == "content_filter" else "max_output_tokens"
            self.reply.finish("incomplete", usage, why)
        else:
            self.reply.finish("completed", usage)
        await asyncio.to_thread(self._save)
        yield self.reply.about(self.response["status"])

    async def _save_failure(self) -> None:
        """It may be the disk that failed: then the client is told all the same."""
        try:
            await asyncio.to_thread(self._save)
        except Exception:
            log.exception("a failed response could not be kept")

    def _save(self) -> None:
        self.receipt = receipt_of(self.core, sampling=self.sampling) | {
            "finish_reason": self.core.reason,
            "ignored": list(self.call.ignored),
        }
        if not self.call.store:
            self.memory[self.response["id"]] = [*self.said.items, *self.reply.kept["output"]]
        else:
            if self.call.background:
                self.state.finish(self.reply.kept, self.owner, self.receipt)
            else:
                self.state.keep(self.reply.kept, self.said.inputs, self.owner, self.receipt)
        if self.call.conversation_id is not None and self.failure is None:
            output = self.reply.kept["output"]
            minted = self.said.inputs.minted | {item["id"] for item in output}
            added = [*self.said.inputs.items, *output]
            model = self.response["model"]
            with suppress(NotFound):  # it was deleted meanwhile: it is written no more
                self.state.append(self.call.conversation_id, added, minted, self.owner, model=model)


def logprobs_of(tokens: list[TokenInfo]) -> list[Item]:
    content: Any = chat_logprobs(tokens)["content"]
    return list(content)


async def _nothing() -> AsyncIterator[TextEvent]:
    return
    yield


def usage_of(generation: Answering | Generation) -> Item:
    usage = generation.usage
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def in_callers_words(error: Exception, call: CreateResponse) -> Exception:
    """What the engine complains of, under the name that the caller gave it."""
    if isinstance(error, BadRequest) and error.param == "constraint":
        error.param = "tools" if call.tools else "text.format"
    return error
