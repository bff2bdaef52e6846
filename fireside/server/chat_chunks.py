"""A chat answer as it comes: OpenAI's chunks.

The role of every choice first, then deltas of text and of calls, each choice's end, and the usage
if asked for.  The deltas of a choice, joined, are what the whole answer would have been.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from fireside.engine.calling import Arguments, CallEvent, Calling, CallStarted, Text, finished
from fireside.server.answers import finish_of, usage_of
from fireside.server.chat_head import Head
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.logprobs import chat_logprobs
from fireside.server.streaming import Event

if TYPE_CHECKING:
    from fireside.engine.text import Generation, TextEvent, TokenInfo


async def chunks(
    head: Head,
    calling: Calling,
    generation: Generation,
    events: AsyncIterator[TextEvent],
    call: ChatCompletionRequest,
) -> AsyncIterator[dict[str, Any]]:
    def chunk(*choices: Event) -> dict[str, Any]:
        extra = {"usage": None} if call.wants_usage else {}
        return head.object("chat.completion.chunk", choices) | extra

    def choice(
        index: int, delta: Event, tokens: Sequence[TokenInfo] = (), finish: str | None = None
    ) -> Event:
        logprobs = chat_logprobs(tokens) if call.logprobs and tokens else None
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    # Where calls may come, there may be no text at all, and OpenAI says null then.
    opening = {"role": "assistant", "content": None if calling.callable else "", "refusal": None}
    parsers = [calling.parser() for _ in range(call.n)]
    for index in range(call.n):
        yield chunk(choice(index, opening))
    async for event in events:
        finish = finish_of(event, generation)
        parser = parsers[event.index]
        parts = parser.feed(event.text)
        if finish is not None:
            parts += parser.finish()
        deltas = [delta for part in parts if (delta := delta_of(part, call))]
        if not deltas and call.logprobs and event.tokens:
            deltas = [{"content": ""}]
        for place, delta in enumerate(deltas):
            yield chunk(choice(event.index, delta, event.tokens if not place else ()))
        if finish is not None:
            reason = finished(finish, parser)
            if call.functions and reason == "tool_calls":
                reason = "function_call"
            yield chunk(choice(event.index, {}, finish=reason))
    if call.wants_usage:
        yield chunk() | {"usage": usage_of([generation])}


def delta_of(event: CallEvent, call: ChatCompletionRequest) -> dict[str, Any] | None:
    match event:
        case Text():
            return {"content": event.text}
        case CallStarted():
            called = {"name": event.name, "arguments": ""}
            if call.functions:
                return {"function_call": called}
            begun = {"index": event.index, "id": event.id, "type": "function", "function": called}
            return {"tool_calls": [begun]}
        case Arguments():
            if call.functions:
                return {"function_call": {"arguments": event.text}}
            return {"tool_calls": [{"index": event.index, "function": {"arguments": event.text}}]}
        case _:
            return None
