"""`/v1/responses`: create, fetch, replay, cancel, delete, list the input, count tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, get_args

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import JSONResponse

from fireside.assistant.prompt import messages_of
from fireside.assistant.steps import Stage
from fireside.errors import BadRequest, NotFound, Unsupported
from fireside.server import body
from fireside.server.answerers import answerer
from fireside.server.caller import caller_of
from fireside.server.lengths import check_items
from fireside.server.listing import Page, envelope_of
from fireside.server.openai_parameters import RESPONSES
from fireside.server.openapi import Listed, documented
from fireside.server.responses import context
from fireside.server.responses.background import Background
from fireside.server.responses.items import Item, stripped
from fireside.server.responses.reply import Event, shown_to
from fireside.server.responses.run import Run, in_callers_words
from fireside.server.responses.start import Services, calling_of, exchange_of, started
from fireside.server.responses.streams import NamedEvents
from fireside.server.responses.tools import tools_of
from fireside.server.responses.wire import (
    INCLUDABLE,
    CountTokens,
    CreateResponse,
    Nothing,
    check_include,
)
from fireside.server.streaming import (
    Stopped,
    begun,
    submitted_while_connected,
    while_connected,
)

if TYPE_CHECKING:
    from fireside.engine.models import Models

WINDOWS: Final = 4
"""How much is counted, in windows: whoever counts wants to know by how much it is too much."""


def included(
    request: Request,
    include: Annotated[list[str] | None, Query()] = None,
    include_brackets: Annotated[list[str] | None, Query(alias="include[]")] = None,
) -> list[str]:
    """`include` of a URL; OpenAI's SDKs write `include[]`."""
    given = {"include": [*(include or ()), *(include_brackets or ())]}
    known, request.state.ignored = RESPONSES.apply(given)
    asked: list[str] = known["include"]
    check_include(asked)
    return asked


Included = Annotated[list[str], Depends(included)]
RECEIPT_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["object", "response_id", "model", "persona", "steps", "sent", "dropped"],
    "properties": {
        "object": {"enum": ["response.receipt"]},
        "response_id": {"type": "string"},
        "model": {"type": "string"},
        "persona": {"type": "string"},
        "steps": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["stage", "name", "ms"],
                "properties": {
                    "stage": {"enum": list(get_args(Stage))},
                    "name": {"type": "string"},
                    "ms": {"type": "number"},
                },
            },
        },
        "sent": {"type": ["object", "null"]},
        "dropped": {"type": "array", "items": {"type": "object"}},
        "sampling": {"type": "object"},
        "mean_logprob": {"type": ["number", "null"]},
        "tools": {"type": "array", "items": {"type": "object"}},
        "notices": {"type": "array", "items": {"type": "string"}},
        "finish_reason": {"type": ["string", "null"]},
        "ignored": {"type": "array", "items": {"type": "string"}},
    },
}


def page_of(items: list[Item], page: Page) -> dict[str, Any]:
    """
    Raises:
        NotFound: `after` or `before` is none of these.
    """
    ordered = items if page.order == "asc" else items[::-1]
    places = {item["id"]: place for place, item in enumerate(ordered)}
    for name, given in (("after", page.after), ("before", page.before)):
        if given is not None and given not in places:
            raise NotFound(f"There is no item {given[:100]!r} to go on from.", param=name)
    first = 0 if page.after is None else places[page.after] + 1
    last = len(ordered) if page.before is None else places[page.before]
    between = ordered[first:last]
    if page.before is not None and page.after is None:
        return envelope_of(between[-page.limit :], len(between) > page.limit)
    return envelope_of(between[: page.limit], len(between) > page.limit)


def shown_items(items: list[Item], include: list[str]) -> list[Item]:
    logprobs, results = (name in include for name in INCLUDABLE)
    return [stripped(item, logprobs=logprobs, results=results) for item in items]


def routes(models: Models, services: Services, background: Background) -> APIRouter:
    router = APIRouter(prefix="/v1/responses", tags=["responses"])
    state = services.state

    @router.post("")
    @documented(
        request=CreateResponse,
        response="responses:Response",
        events="responses:ResponseStreamEvent",
    )
    async def create_response(request: Request) -> Response:
        call = await body.read(request, CreateResponse)
        owner = caller_of(request).owner
        who = await answerer(services.assistant, models, call.model, owner=owner)
        starting = started(services, answerer=who, call=call, owner=owner, memory={})
        run = await while_connected(request, starting, discard=Run.close)
        # Before a response exists, what fails is a plain status: a schema that cannot be compiled.
        shaped = run.core.constrained
        source = None
        if (not call.background or shaped) and not run.waits_for_tools:
            generation = await while_connected(request, run.begin(), run.close)
            if generation is not None and shaped and (call.stream or call.background):
                try:
                    source = await begun(request, generation, run.close, True)
                except Exception as error:
                    raise in_callers_words(error, call) from None
        if call.background:
            live = await background.add(run, source)
            if not call.stream:
                return JSONResponse(run.reply.shown)
            return NamedEvents(live.follow(-1), close=lambda: None)
        if call.stream:
            return NamedEvents(run.events(source), close=run.close)
        return JSONResponse(await while_connected(request, run.whole(), run.close))

    @router.post("/input_tokens")
    @documented(request=CountTokens, response="responses:InputTokenCountResponse")
    async def count_input_tokens(request: Request) -> dict[str, Any]:
        call = await body.read(request, CountTokens)
        owner = caller_of(request).owner
        who = await answerer(services.assistant, models, call.model, owner=owner)

        def counted(stopped: Stopped) -> int:
            tokenizer = who.model.tokenizer
            tools = tools_of(call)
            if tools.servers:
                raise Unsupported("Tools of MCP servers are not counted: leave them out.",
                                  param="tools")  # fmt: skip
            calling = calling_of(who.model, call, tools)
            items = context.said(state, call, owner, {}).items
            check_items(who.model, call.instructions, items, stopped, windows=WINDOWS)
            exchange = exchange_of(who, call, items, {}, owner)
            return len(calling.render(tokenizer, messages_of(exchange)).ids)

        tokens = await submitted_while_connected(request, counted, lambda _: None)
        return {"object": "response.input_tokens", "input_tokens": tokens}

    @router.get("/{response_id}")
    @documented(response="responses:Response", events="responses:ResponseStreamEvent")
    async def retrieve_response(
        response_id: str,
        request: Request,
        include: Included,
        stream: bool = False,
        starting_after: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
        include_obfuscation: bool = False,
    ) -> Response:
        owner = caller_of(request).owner
        if include_obfuscation:
            request.state.ignored = (*request.state.ignored, "include_obfuscation")
        if starting_after is not None and not stream:
            raise BadRequest(
                "starting_after is only allowed when stream is true.", param="starting_after"
            )
        if stream:
            after = -1 if starting_after is None else starting_after
            return NamedEvents(await replayed(response_id, owner, after), close=lambda: None)
        live = background.live(response_id, owner)
        if live is not None:
            return JSONResponse(live.run.reply.shown)
        found = await asyncio.to_thread(state.response, response_id, owner)
        logprobs, results = (name in include for name in INCLUDABLE)
        return JSONResponse(shown_to(found, logprobs=logprobs, results=results))

    async def replayed(response_id: str, owner: str, after: int) -> AsyncIterator[Event]:
        live = background.live(response_id, owner)
        if live is not None:
            return live.follow(after)
        events = await asyncio.to_thread(background.events_of, response_id, owner)

        async def again() -> AsyncIterator[Event]:
            for event in events[after + 1 :]:
                yield event

        return again()

    @router.get("/{response_id}/receipt")
    @documented(response=RECEIPT_SCHEMA)
    async def retrieve_receipt(response_id: str, request: Request) -> dict[str, Any]:
        """Fireside's own: what an answer was made from, step by step."""
        owner = caller_of(request).owner
        found = await asyncio.to_thread(state.receipt, response_id, owner)
        return {"object": "response.receipt", "response_id": response_id, **found}

    @router.delete("/{response_id}")
    @documented(
        response={
            "type": "object",
            "required": ["id", "object", "deleted"],
            "properties": {
                "id": {"type": "string"},
                "object": {"enum": ["response"]},
                "deleted": {"enum": [True]},
            },
        }
    )
    async def delete_response(response_id: str, request: Request) -> dict[str, Any]:
        owner = caller_of(request).owner
        if background.live(response_id, owner) is not None:
            await background.cancel(response_id, owner)
        await asyncio.to_thread(state.delete_response, response_id, owner)
        return {"id": response_id, "object": "response", "deleted": True}

    @router.post("/{response_id}/cancel")
    @documented(response="responses:Response")
    async def cancel_response(response_id: str, request: Request) -> dict[str, Any]:
        if request.headers.get("content-length", "0") != "0":
            await body.read(request, Nothing)
        owner = caller_of(request).owner
        await background.cancel(response_id, owner)
        found = await asyncio.to_thread(state.response, response_id, owner)
        return shown_to(found, logprobs=False, results=False)

    @router.get("/{response_id}/input_items")
    @documented(response=Listed("responses:ResponseItem"))
    async def list_input_items(
        response_id: str, request: Request, include: Included, page: Annotated[Page, Depends()]
    ) -> dict[str, Any]:
        owner = caller_of(request).owner
        items = await asyncio.to_thread(state.input_items, response_id, owner)
        return page_of(shown_items(items, include), page)

    return router
