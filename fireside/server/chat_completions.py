"""`POST /v1/chat/completions`: messages to an answer, stateless, as OpenAI specifies it.

The raw engine: no memory, no assistant, and every message of the request reaches the model or
the request is refused.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from fireside.messages import Message
from fireside.server import body
from fireside.server.answers import Told, finish_of, gathered, usage_of
from fireside.server.caller import caller_of
from fireside.server.logprobs import chat_logprobs
from fireside.server.models import find
from fireside.server.sampling import chat_params, check_fits, check_ids, in_callers_words
from fireside.server.streaming import Event, EventStream, begun, while_connected
from fireside.server.wire import ChatCompletionRequest, ChatMessage

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.engine.text import Generation, TextEvent, TextModel, TokenInfo


@dataclass(frozen=True, kw_only=True)
class Head:
    """What every object of one answer repeats."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def object(self, kind: str, choices: Sequence[Event]) -> dict[str, object]:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "service_tier": "default",
            "system_fingerprint": None,
        }


def routes(models: Models) -> APIRouter:
    router = APIRouter(tags=["chat"])

    @router.post("/v1/chat/completions")
    async def create_chat_completion(request: Request) -> Response:
        call = await body.read(request, ChatCompletionRequest)
        model = await find(models, call.model, owner=caller_of(request).owner)
        with in_callers_words(call):
            return await answer(request, model, call)

    return router


async def answer(request: Request, model: TextModel, call: ChatCompletionRequest) -> Response:
    generation = await asyncio.to_thread(start, model, call)
    head = Head(model=model.name)
    if call.stream:
        wait = call.constrained_by is not None
        events = await begun(request, generation, generation.cancel, wait)
        return EventStream(chunks(head, generation, events, call), cancel=generation.cancel)
    told = await while_connected(request, gathered(generation), generation.cancel)
    return JSONResponse(whole(head, told, generation, call))


def start(model: TextModel, call: ChatCompletionRequest) -> Generation:
    """Render, check and submit: the slow part before the first token, so not on the event loop."""
    params = chat_params(call)
    check_ids(params.stop_ids, model.tokenizer.vocab_size, param="stop_token_ids")
    prompt = model.tokenizer.render([as_message(each) for each in call.messages]).ids
    check_fits(len(prompt), params.max_tokens, model.context, param="messages")
    return model.generate(prompt, params)


def as_message(sent: ChatMessage) -> Message:
    role = "system" if sent.role == "developer" else sent.role
    return Message(role=role, content=sent.text, name=sent.name)


def whole(
    head: Head, told: Sequence[Told], generation: Generation, call: ChatCompletionRequest
) -> dict[str, object]:
    choices: list[Event] = [
        {
            "index": index,
            "message": {
                "role": "assistant",
                "content": each.text,
                "refusal": None,
                "annotations": [],
            },
            "logprobs": chat_logprobs(each.tokens) if call.logprobs else None,
            "finish_reason": each.finish_reason,
        }
        for index, each in enumerate(told)
    ]
    return head.object("chat.completion", choices) | {"usage": usage_of([generation])}


async def chunks(
    head: Head,
    generation: Generation,
    events: AsyncIterator[TextEvent],
    call: ChatCompletionRequest,
) -> AsyncIterator[Event]:
    """The role of every choice, then deltas, each choice's end, and the usage if asked for."""

    def chunk(*choices: Event) -> dict[str, object]:
        extra = {"usage": None} if call.wants_usage else {}
        return head.object("chat.completion.chunk", choices) | extra

    def choice(
        index: int, delta: Event, tokens: Sequence[TokenInfo] = (), finish: str | None = None
    ) -> Event:
        logprobs = chat_logprobs(tokens) if call.logprobs and tokens else None
        return {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    opening = {"role": "assistant", "content": "", "refusal": None}
    for index in range(call.n):
        yield chunk(choice(index, opening))
    async for event in events:
        finish = finish_of(event, generation)
        if event.text or (call.logprobs and event.tokens):
            yield chunk(choice(event.index, {"content": event.text}, event.tokens))
        if finish is not None:
            yield chunk(choice(event.index, {}, finish=finish))
    if call.wants_usage:
        yield chunk() | {"usage": usage_of([generation])}
