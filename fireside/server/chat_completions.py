"""`POST /v1/chat/completions`: messages to an answer or to calls of functions, as OpenAI has it.

The raw engine: no memory, no assistant, and every message of the request reaches the model or
the request is refused.  A persona's name is `chat_persona.py`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from fireside.engine.calling import (
    Arguments,
    Calling,
    CallStarted,
    Text,
    calling_for,
    finished,
)
from fireside.server import body
from fireside.server.answerers import answerer
from fireside.server.answers import Told, gathered, usage_of
from fireside.server.caller import caller_of
from fireside.server.chat_chunks import chunks
from fireside.server.chat_head import Head
from fireside.server.chat_messages import as_messages
from fireside.server.chat_persona import answer_as
from fireside.server.chat_store import Keeper, keeper_for
from fireside.server.chat_tools import choice_of, functions_of
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.lengths import check_chat
from fireside.server.logprobs import chat_logprobs
from fireside.server.openapi import documented
from fireside.server.sampling import (
    chat_constraint,
    chat_params,
    check_fits,
    check_ids,
    in_callers_words,
)
from fireside.server.streaming import (
    Event,
    EventStream,
    Stopped,
    begun,
    submitted_while_connected,
    while_connected,
)

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.engine.models import Models
    from fireside.engine.text import Generation, TextModel
    from fireside.storage import Store


def routes(models: Models, store: Store, assistant: Assistant) -> APIRouter:
    router = APIRouter(tags=["chat"])

    @router.post("/v1/chat/completions")
    @documented(
        request=ChatCompletionRequest,
        response="chat:ChatCompletion",
        events="chat:ChatCompletionChunk",
    )
    async def create_chat_completion(request: Request) -> Response:
        call = await body.read(request, ChatCompletionRequest)
        owner = caller_of(request).owner
        who = await answerer(assistant, models, call.model, owner=owner)
        keeper = keeper_for(store, call, owner)
        with in_callers_words(call):
            if who.own:
                return await answer_as(request, assistant, who, call, owner, keeper)
            return await answer(request, who.model, call, owner, keeper)

    return router


async def answer(
    request: Request,
    model: TextModel,
    call: ChatCompletionRequest,
    owner: str,
    keeper: Keeper | None,
) -> Response:
    calling, generation = await submitted_while_connected(
        request,
        lambda stopped: start(model, call, owner, stopped),
        lambda started: started[1].cancel(),
    )
    head = Head(model=model.name, metadata=call.metadata if call.store else None)
    if call.stream:
        wait = calling.constraint is not None
        events = await begun(request, generation, generation.cancel, wait)
        said = chunks(head, calling, generation, events, call)
        if keeper is not None:
            said = keeper.watching(said, head)
        return EventStream(said, cancel=generation.cancel)
    told = await while_connected(request, gathered(generation), generation.cancel)
    made = whole(head, calling, told, generation, call)
    if keeper is not None:
        await keeper.keep(made)
    return JSONResponse(made)


def start(
    model: TextModel, call: ChatCompletionRequest, owner: str, stopped: Stopped
) -> tuple[Calling, Generation]:
    """Render, check and submit: the slow part before the first token, so not on the event loop."""
    check_chat(model, call, stopped)
    params = chat_params(call)
    check_ids(params.stop_ids, model.tokenizer.vocab_size, param="stop_token_ids")
    calling = calling_for(
        model.tokenizer,
        functions_of(call),
        choice_of(call),
        parallel=False if call.functions else call.parallel_tool_calls,
        shape=chat_constraint(call),
    )
    prompt = calling.render(model.tokenizer, as_messages(call.messages)).ids
    check_fits(len(prompt), params.max_tokens, model.context, param="messages")
    params = replace(params, constraint=calling.constraint, shown_ids=calling.shown_ids)
    return calling, model.generate(prompt, params, owner=owner)


def whole(
    head: Head,
    calling: Calling,
    told: Sequence[Told],
    generation: Generation,
    call: ChatCompletionRequest,
) -> dict[str, Any]:
    choices: list[Event] = []
    for index, each in enumerate(told):
        message, finish = said(each, calling, call)
        choices.append(
            {
                "index": index,
                "message": message,
                "logprobs": chat_logprobs(each.tokens) if call.logprobs else None,
                "finish_reason": finish,
            }
        )
    return head.object("chat.completion", choices) | {"usage": usage_of([generation])}


def said(
    told: Told, calling: Calling, call: ChatCompletionRequest
) -> tuple[dict[str, Any], str | None]:
    """One choice's message, and why it ended."""
    parser = calling.parser()
    text = ""
    calls: list[dict[str, Any]] = []
    for event in [*parser.feed(told.text), *parser.finish()]:
        match event:
            case Text():
                text += event.text
            case CallStarted():
                called = {"name": event.name, "arguments": ""}
                calls.append({"id": event.id, "type": "function", "function": called})
            case Arguments():
                calls[event.index]["function"]["arguments"] += event.text
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not calls else None,
        "refusal": None,
        "annotations": [],
    }
    finish = finished(told.finish_reason, parser)
    if calls and call.functions:
        return message | {"function_call": calls[0]["function"]}, old_name(finish)
    return message | ({"tool_calls": calls} if calls else {}), finish


def old_name(finish: str | None) -> str | None:
    return "function_call" if finish == "tool_calls" else finish
