"""The way from a request to a `Run`: history, tools, prompt, and the engine's parameters.

Everything that can be refused is refused here, before a response exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fireside.engine.calling import Calling, calling_for
from fireside.engine.params import Constraint, SamplingParams
from fireside.errors import BadRequest, NotFound
from fireside.messages import Message
from fireside.server.responses import context
from fireside.server.responses.items import Item
from fireside.server.responses.locks import Locks
from fireside.server.responses.reply import Reply, opening
from fireside.server.responses.run import Run
from fireside.server.responses.search import Search, with_passages
from fireside.server.responses.state import State
from fireside.server.responses.tools import Tools, tools_of
from fireside.server.responses.wire import Context, CreateResponse, TextFormat
from fireside.server.sampling import ANY_OBJECT, SMALLEST_TOP_P

if TYPE_CHECKING:
    from fireside.engine.text import TextModel


async def started(**what: Any) -> Run:
    """`start` in a thread.  A task that is cancelled meanwhile leaves nothing locked."""
    work = asyncio.ensure_future(asyncio.to_thread(start, **what))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(_close)
        raise


def _close(work: asyncio.Future[Run]) -> None:
    if not work.cancelled() and work.exception() is None:
        work.result().close()


def start(
    *,
    state: State,
    locks: Locks,
    search: Search,
    model: TextModel,
    call: CreateResponse,
    owner: str,
    memory: dict[str, list[Item]],
    warm: bool = False,
) -> Run:
    """Read the history, render and check.  Slow: not on the event loop.

    memory: histories that are not rows, by response.  warm: read the prompt and answer nothing, so
    that the next response finds it read.

    Raises:
        BadRequest, NotFound: and their kin, naming the parameter.
    """
    if call.conversation_id is None:
        return _start(state, search, model, call, owner, memory, warm, lambda: None)
    if not call.store:
        raise BadRequest("conversation needs store: its items are kept.", param="store")
    try:
        state.conversation(call.conversation_id, owner)
    except NotFound as error:
        error.param = "conversation"
        raise
    release = locks.take(call.conversation_id)
    try:
        return _start(state, search, model, call, owner, memory, warm, release)
    except BaseException:
        release()
        raise


def _start(
    state: State,
    search: Search,
    model: TextModel,
    call: CreateResponse,
    owner: str,
    memory: dict[str, list[Item]],
    warm: bool,
    release: Callable[[], None],
) -> Run:
    tools = tools_of(call)
    said = context.said(state, call, owner, memory)
    calling = calling_of(model, call, tools)
    searched = None
    if tools.search is not None and call.max_tool_calls != 0:
        searched = search.run(tools.search, said.items, owner, model)

    def render(messages: Sequence[Message]) -> list[int]:
        return calling.render(model.tokenizer, with_passages(messages, searched)).ids

    prompt = context.prompt_of(model, call, said.items, render, call.max_output_tokens)
    response = opening(call, model.name, tools.shown, tools.choice_shown)
    if prompt.dropped:
        kept_from = prompt.items[0]["id"]
        response["fireside"] = {"dropped_items": prompt.dropped, "kept_from": kept_from}
    params = params_of(call, calling)
    if warm:
        params = replace(params, max_tokens=1, constraint=None)
    return Run(
        call=call,
        owner=owner,
        state=state,
        said=said,
        reply=Reply(response, results=call.wants_results),
        calling=calling,
        submit=lambda: model.generate(prompt.ids, params, owner=owner),
        searched=searched,
        release=release,
        memory=memory,
        warm=warm,
    )


def calling_of(model: TextModel, call: Context, tools: Tools) -> Calling:
    try:
        return calling_for(
            model.tokenizer,
            tools.functions,
            tools.choice,
            parallel=call.parallel_tool_calls,
            shape=shape_of(call.text.format),
        )
    except BadRequest as error:
        if error.param in ("response_format", "structured_outputs"):
            error.param = "text.format"
        raise


def shape_of(form: TextFormat) -> Constraint | None:
    if form.type == "text":
        return None
    return Constraint(
        kind="json_schema", value=ANY_OBJECT if form.schema_ is None else form.schema_
    )


def params_of(call: CreateResponse, calling: Calling) -> SamplingParams:
    return SamplingParams(
        temperature=call.temperature,
        top_p=max(call.top_p, SMALLEST_TOP_P),
        max_tokens=call.max_output_tokens,
        logprobs=call.top_logprobs if call.wants_logprobs else None,
        constraint=calling.constraint,
        shown_ids=calling.shown_ids,
    )
