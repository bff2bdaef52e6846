"""One response being made, the same for every way of waiting for it: a body, a stream, a socket,
or nobody (background).

`start.py` does the slow part before the first token, `Run.events` the rest, and the rows are
written before the last event says that it is over.  A response whose client left before its end
is kept nowhere, unless it was asked for in the background.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fireside.engine.calling import (
    Arguments,
    CallEnded,
    CallEvent,
    Calling,
    CallStarted,
    Text,
)
from fireside.errors import BadRequest, FiresideError
from fireside.server.answers import finish_of
from fireside.server.errors import log
from fireside.server.logprobs import chat_logprobs
from fireside.server.responses import context
from fireside.server.responses.items import Item
from fireside.server.responses.reply import Event, Reply
from fireside.server.responses.search import Searched
from fireside.server.responses.state import State
from fireside.server.responses.wire import CreateResponse

if TYPE_CHECKING:
    from fireside.engine.text import Generation, TextEvent, TokenInfo


@dataclass(kw_only=True)
class Run:
    """said: history and input.  submit: hands the prompt to the engine.  release: lets go of what
    was locked, once."""

    call: CreateResponse
    owner: str
    state: State
    said: context.Said
    reply: Reply
    calling: Calling
    submit: Callable[[], Generation]
    searched: Searched | None
    release: Callable[[], None]
    memory: dict[str, list[Item]]
    warm: bool = False
    failure: Exception | None = None
    cancelled: bool = False
    generation: Generation | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _tokens: list[TokenInfo] = field(default_factory=list)

    @property
    def response(self) -> Item:
        return self.reply.response

    async def begin(self) -> Generation:
        """Hand the prompt to the engine, once.

        Raises:
            Overloaded: its queue is full.
        """
        if self.generation is None:
            try:
                self.generation = await asyncio.to_thread(self.submit)
            except BaseException:
                self.release()
                raise
        if self.cancelled:  # while it waited
            self.generation.cancel()
        return self.generation

    def cancel(self) -> None:
        """End with what there is, as `cancelled`."""
        self.cancelled = True
        self._stop.set()
        if self.generation is not None:
            self.generation.cancel()

    def close(self) -> None:
        """Nobody waits any more.  Harmless after the end."""
        if self.generation is not None:
            self.generation.cancel()
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
        return None if self.generation is None else usage_of(self.generation)

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
        if self.cancelled and self.generation is None:
            self.reply.finish("cancelled", None)
            await asyncio.to_thread(self._save)
            yield self.reply.about("cancelled")
            return
        events = aiter(source or await self.begin())
        first = await anext(events, None) if self.call.background else None
        self.response["status"] = "in_progress"
        yield self.reply.about("in_progress")
        if self.searched is not None:
            found = self.searched
            for made in self.reply.searched(found.queries, found.results):
                yield made
        parser = self.calling.parser()
        reason = None
        while (step := first or await anext(events, None)) is not None:
            first = None
            reason = self._finish_of(step)
            if self.warm:
                continue
            self._tokens.extend(step.tokens)
            for piece in parser.feed(step.text):
                for made in self._made(piece):
                    yield made
        for piece in parser.finish():
            for made in self._made(piece):
                yield made
        async for made in self._end(reason):
            yield made

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

    def _finish_of(self, step: TextEvent) -> str | None:
        if self.cancelled and step.finish_reason == "cancelled":
            return "cancelled"
        assert self.generation is not None
        return finish_of(step, self.generation)

    def _made(self, piece: CallEvent) -> Iterator[Event]:
        tokens, self._tokens = self._tokens, []
        match piece:
            case Text(text=text):
                logprobs = logprobs_of(tokens) if self.call.wants_logprobs else []
                yield from self.reply.text(text, logprobs)
                if self.searched is not None:
                    yield from self.reply.cited(self.searched.citations)
            case CallStarted(id=call_id, name=name):
                yield from self.reply.called(call_id, name)
            case Arguments(text=text):
                yield self.reply.arguments(text)
            case CallEnded():
                yield from self.reply.close("completed")

    async def _end(self, reason: str | None) -> AsyncIterator[Event]:
        cut = reason != "stop" and not (self.warm and reason == "length")
        if not self.reply.spoke and not self.warm:
            for made in self.reply.text("", []):
                yield made
        for made in self.reply.close("incomplete" if cut else "completed"):
            yield made
        usage = self._usage
        if reason == "cancelled":
            self.reply.finish("cancelled", usage)
        elif cut:
            self.reply.finish("incomplete", usage, "max_output_tokens")
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
        if not self.call.store:
            self.memory[self.response["id"]] = [*self.said.items, *self.response["output"]]
        else:
            if self.call.background:
                self.state.finish(self.response, self.owner)
            else:
                self.state.keep(self.response, self.said.inputs, self.owner)
        if self.call.conversation_id is not None and self.failure is None:
            output = self.response["output"]
            minted = self.said.inputs.minted | {item["id"] for item in output}
            added = [*self.said.inputs.items, *output]
            self.state.append(self.call.conversation_id, added, minted, self.owner)


def logprobs_of(tokens: list[TokenInfo]) -> list[Item]:
    content: Any = chat_logprobs(tokens)["content"]
    return list(content)


def usage_of(generation: Generation) -> Item:
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
