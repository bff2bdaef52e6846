"""`/v1/chat/completions` by a persona: its instructions, knowledge, safety and tools, and no memory
between calls.

Its tools run here and are not shown; one that would have to ask a person is not offered, for nobody
is there to be asked.  The request's own functions stay the client's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fastapi import Request, Response
from starlette.responses import JSONResponse

from fireside.assistant.budget import Budget, Fit
from fireside.assistant.driving import pieces_of_async
from fireside.assistant.exchange import Exchange
from fireside.assistant.pieces import Piece, Said
from fireside.assistant.wanted import Wanted
from fireside.engine.calling import Arguments, CallStarted
from fireside.errors import FiresideError, Unsupported
from fireside.server.answers import check_end, usage_of
from fireside.server.chat_chunks import delta_of
from fireside.server.chat_head import Head
from fireside.server.chat_messages import as_messages
from fireside.server.chat_tools import choice_of, functions_of
from fireside.server.chat_wire import ChatCompletionRequest
from fireside.server.lengths import check_chat
from fireside.server.logprobs import chat_logprobs
from fireside.server.sampling import chat_constraint, chat_params, check_fits
from fireside.server.streaming import (
    Event,
    EventStream,
    Stopped,
    begun,
    submitted,
    submitted_while_connected,
    while_connected,
)

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.assistant.answering import Answering
    from fireside.engine.params import SamplingParams
    from fireside.engine.text import TextEvent, TokenInfo
    from fireside.server.answerers import Answerer
    from fireside.server.chat_store import Keeper

FINISH = {"asks": "stop", "repetition": "stop"}
"""In OpenAI's words; `fireside.notices` says it in full."""


async def answer_as(
    request: Request,
    assistant: Assistant,
    who: Answerer,
    call: ChatCompletionRequest,
    owner: str,
    keeper: Keeper | None,
) -> Response:
    """
    Raises:
        Unsupported: more than one choice, or log-probabilities of what a filter withholds.
    """
    core = await submitted_while_connected(
        request,
        lambda stopped: core_of(assistant, who, call, owner, stopped),
        lambda core: core.cancel(),
    )
    head = Head(model=who.name, metadata=call.metadata if call.store else None)
    beginning = submitted(lambda _: core.begin(), lambda _: core.cancel())
    generation = await while_connected(request, beginning, core.cancel)
    if call.stream:
        wait = core.constrained and generation is not None
        events = None if generation is None else generation
        source = await begun(request, events, core.cancel, wait) if events is not None else None
        said = chunks(head, core, source, call)
        if keeper is not None:
            said = keeper.watching(said, head)
        return EventStream(said, cancel=core.cancel)
    made = await while_connected(request, whole(head, core, generation, call), core.cancel)
    if keeper is not None:
        await keeper.keep(made)
    return JSONResponse(made)


def core_of(
    assistant: Assistant,
    who: Answerer,
    call: ChatCompletionRequest,
    owner: str,
    stopped: Stopped,
) -> Answering:
    if call.n != 1:
        raise Unsupported("A persona gives one answer: leave n out.", param="n")
    check_chat(who.model, call, stopped)
    messages = as_messages(call.messages)
    params = params_of(who, call)
    context = who.model.context

    def refusal(tokens: int) -> FiresideError:
        try:
            check_fits(tokens, params.max_tokens, context, param="messages")
        except FiresideError as error:
            return error
        raise AssertionError("what does not fit is refused")

    exchange = Exchange(
        owner=owner,
        persona=who.persona,
        model=who.model,
        history=messages[:-1],
        history_ids=[""] * (len(messages) - 1),
        question=messages[-1],
    )
    budget = Budget(window=context, reserve=params.max_tokens or 1)
    core = assistant.answering(
        exchange,
        Wanted(
            params=params,
            fit=Fit(budget=budget, drops=False, refusal=refusal),
            functions=tuple(functions_of(call)),
            choice=choice_of(call),
            parallel=False if call.functions else call.parallel_tool_calls,
            shape=chat_constraint(call),
            may_ask=False,
        ),
    )
    if call.logprobs and (exchange.filters or exchange.shown):
        raise Unsupported(
            f"{who.name} filters its answers, and log-probabilities would show what it withholds: "
            "leave them out.",
            param="logprobs",
        )
    return core


def params_of(who: Answerer, call: ChatCompletionRequest) -> SamplingParams:
    """The request's own values, then the persona's, then what its model recommends."""
    params = chat_params(call)
    given = call.model_fields_set
    own = {
        n: v for n, v in who.sampling({"max_tokens": params.max_tokens}).items() if n not in given
    }
    return replace(params, **own, logprobs=params.logprobs if call.logprobs else 0)


async def pieces(core: Answering, source: AsyncIterator[TextEvent] | None) -> AsyncIterator[Piece]:
    """
    Raises:
        FiresideError: as `check_end`.
    """
    async for piece in pieces_of_async(core, source):
        yield piece
    check_end(core.reason, core.generations)


async def chunks(
    head: Head,
    core: Answering,
    source: AsyncIterator[TextEvent] | None,
    call: ChatCompletionRequest,
) -> AsyncIterator[dict[str, Any]]:
    def chunk(*choices: Event) -> dict[str, Any]:
        extra = {"usage": None} if call.wants_usage else {}
        return head.object("chat.completion.chunk", choices) | extra

    def choice(delta: Event, logprobs: object = None, finish: str | None = None) -> Event:
        return {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": finish}

    calling = bool(core.wanted.functions)
    yield chunk(choice({"role": "assistant", "content": None if calling else "", "refusal": None}))
    numbers: dict[str, int] = {}
    async for piece in pieces(core, source):
        if isinstance(piece, Said):
            logprobs = chat_logprobs(piece.tokens) if call.logprobs and piece.tokens else None
            if text := piece.after + piece.text:
                yield chunk(choice({"content": text}, logprobs))
            continue
        numbered = _numbered(piece, numbers)
        if numbered is not None and (delta := delta_of(numbered, call)):
            yield chunk(choice(delta))
    yield chunk(choice({}, finish=_finish(core, call))) | _notices(core)
    if call.wants_usage:
        yield chunk() | {"usage": usage_of([core])}


async def whole(
    head: Head,
    core: Answering,
    source: AsyncIterator[TextEvent] | None,
    call: ChatCompletionRequest,
) -> dict[str, Any]:
    text = ""
    tokens: list[TokenInfo] = []
    calls: list[dict[str, Any]] = []
    async for piece in pieces(core, source):
        match piece:
            case Said():
                text += piece.after + piece.text
                tokens.extend(piece.tokens)
            case CallStarted():
                called = {"name": piece.name, "arguments": ""}
                calls.append({"id": piece.id, "type": "function", "function": called})
            case Arguments():
                calls[-1]["function"]["arguments"] += piece.text
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not calls else None,
        "refusal": None,
        "annotations": [],
    }
    if calls:
        old = {"function_call": calls[0]["function"]}
        message |= old if call.functions else {"tool_calls": calls}
    made: Event = {
        "index": 0,
        "message": message,
        "logprobs": chat_logprobs(tokens) if call.logprobs else None,
        "finish_reason": _finish(core, call),
    }
    return head.object("chat.completion", [made]) | {"usage": usage_of([core])} | _notices(core)


def _numbered(piece: Piece, numbers: dict[str, int]) -> CallStarted | Arguments | None:
    """A call under its number in the whole answer: rounds count from nought each."""
    if isinstance(piece, CallStarted):
        numbers[piece.id] = len(numbers)
        return replace(piece, index=numbers[piece.id])
    if isinstance(piece, Arguments):
        return replace(piece, index=len(numbers) - 1)
    return None


def _finish(core: Answering, call: ChatCompletionRequest) -> str | None:
    reason = core.reason
    if reason == "tool_calls" and call.functions:
        return "function_call"
    return FINISH.get(reason or "", reason)


def _notices(core: Answering) -> dict[str, Any]:
    notices = core.exchange.notices
    return {"fireside": {"notices": list(notices)}} if notices else {}
