"""The way from a request to a `Run`: history, tools, and the exchange that the assistant answers.

Everything that can be refused is refused here, before a response exists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from fireside.assistant.budget import Budget, Fit
from fireside.assistant.exchange import Exchange, Section
from fireside.assistant.items import check_pairs, decisions_of, read_of
from fireside.assistant.locks import Locks
from fireside.assistant.wanted import Wanted
from fireside.engine.calling import Calling, calling_for
from fireside.engine.params import Constraint, SamplingParams
from fireside.errors import BadRequest, FiresideError, NotFound, Unsupported
from fireside.messages import Message
from fireside.safety.injection import RULE
from fireside.server.lengths import check_items
from fireside.server.responses import context
from fireside.server.responses.items import Item, text_part
from fireside.server.responses.locks import locked_error
from fireside.server.responses.remote import Remote
from fireside.server.responses.reply import Reply, opening
from fireside.server.responses.run import Run
from fireside.server.responses.search import Search, Searched
from fireside.server.responses.state import Inputs, State
from fireside.server.responses.tools import Tools, tools_of
from fireside.server.responses.wire import Context, CreateResponse, TextFormat
from fireside.server.sampling import ANY_OBJECT, SMALLEST_TOP_P, check_fits
from fireside.server.streaming import submitted
from fireside.tokenizer.length import Stopped

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.assistant.toolbox import Decision
    from fireside.engine.text import TextModel
    from fireside.server.answerers import Answerer

T = TypeVar("T")
DRAWN: Final[dict[str, Any]] = {
    "temperature": 1.0, "top_p": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip
"""How tokens are drawn, as the response object repeats it, with OpenAI's defaults."""
ROOM: Final = 4
"""With `auto` and no `max_output_tokens`, a quarter of the window is left for the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What every response needs, whoever asks for it."""

    state: State
    locks: Locks
    search: Search
    assistant: Assistant
    remote: Remote


async def started(services: Services, **what: Any) -> Run:
    """`start` in a thread.  A task that is cancelled meanwhile leaves nothing locked."""
    return await submitted(
        lambda stopped: start(services, stopped=stopped, **what), discard=Run.close
    )


def start(
    services: Services,
    *,
    answerer: Answerer,
    call: CreateResponse,
    owner: str,
    memory: dict[str, list[Item]],
    warm: bool = False,
    stopped: Stopped = lambda: False,
) -> Run:
    """Read the history, go through the steps before the answer, render and check.  Slow: not on
    the event loop.

    memory: histories that are not rows, by response.  warm: read the prompt and answer nothing, so
    that the next response finds it read.  stopped: whether nobody waits any more.

    Raises:
        BadRequest, NotFound: and their kin, naming the parameter.
    """
    conversation_id = call.conversation_id
    if conversation_id is None:
        return _start(services, answerer, call, owner, memory, warm, lambda: None, stopped)
    if not call.store:
        raise BadRequest("conversation needs store: its items are kept.", param="store")
    try:
        conversation = services.state.conversation(conversation_id, owner)
    except NotFound as error:
        error.param = "conversation"
        raise
    if call.instructions is None:
        call = call.model_copy(update={"instructions": conversation.system})
    release = services.locks.take(conversation_id, locked_error)
    try:
        return _start(services, answerer, call, owner, memory, warm, release, stopped)
    except BaseException:
        release()
        raise


def _start(
    services: Services,
    answerer: Answerer,
    call: CreateResponse,
    owner: str,
    memory: dict[str, list[Item]],
    warm: bool,
    release: Callable[[], None],
    stopped: Stopped,
) -> Run:
    tools = tools_of(call)
    servers = services.remote.named(tools.servers, owner)
    said = context.said(services.state, call, owner, memory)
    items, drops = said.inputs.items, call.truncation == "auto"
    check_items(answerer.model, call.instructions, items, stopped, drops=drops)
    decisions = decisions_of(said.items, said.inputs.items)
    response = opening(call, answerer.name, tools.shown, tools.choice_shown)
    searched = None
    if tools.search is not None and call.max_tool_calls != 0:
        searched = services.search.run(tools.search, said.items, owner, answerer.model)
    exchange = exchange_of(answerer, call, said.items, decisions, owner)
    exchange.scope = scope_of(services.state, call, owner, response["id"])
    exchange.answer_id = response["id"]
    if searched is not None:
        exchange.sources = searched.sources
        if searched.passages:
            exchange.untrusted = True
            exchange.sections.append(Section(name="knowledge", text=RULE))
    listed = services.remote.bring(servers, exchange)
    sampling = sampling_of(answerer, call)
    response |= {name: sampling[name] for name in DRAWN}
    wanted = wanted_of(answerer, call, tools, decisions, sampling, searched)
    if warm:
        wanted = replace(wanted, params=replace(wanted.params, max_tokens=1))
    given = [*exchange.history, exchange.question]
    core = in_callers_words(lambda: services.assistant.answering(exchange, wanted))
    if call.background:  # its events are rows, and rows hold what is kept
        exchange.shown.clear()
    said = replace(said, inputs=masked(said.inputs, given, exchange))
    if exchange.filters and call.wants_logprobs:
        raise Unsupported(
            f"{answerer.name} filters its answers, and log-probabilities would show what it "
            "withholds: leave them out.",
            param="top_logprobs" if call.top_logprobs else "include",
        )
    if exchange.kept_from and exchange.reply is None:
        kept = exchange.history_ids[exchange.kept_from :] or [exchange.question_id]
        places = [item["id"] for item in said.items]
        response["fireside"] = {"dropped_items": places.index(kept[0]), "kept_from": kept[0]}
    return Run(
        call=call,
        owner=owner,
        state=services.state,
        said=said,
        reply=Reply(response, results=call.wants_results),
        core=core,
        searched=searched,
        listed=listed,
        sampling=sampling,
        release=release,
        memory=memory,
        warm=warm,
    )


def exchange_of(
    answerer: Answerer,
    call: Context,
    items: list[Item],
    decisions: dict[str, Decision],
    owner: str,
) -> Exchange:
    """
    Raises:
        BadRequest: a function call without its output, or nothing that a model reads.
    """
    check_pairs(items)
    read = read_of(items, decisions)
    if not read.messages:
        raise BadRequest("input holds nothing that can be answered.", param="input")
    return Exchange(
        owner=owner,
        persona=answerer.persona,
        model=answerer.model,
        history=read.messages[:-1],
        history_ids=read.ids[:-1],
        question=read.messages[-1],
        question_id=read.ids[-1],
        instructions=call.instructions,
        untrusted=any(item["type"] == "mcp_call" for item in items),
    )


def masked(inputs: Inputs, given: Sequence[Message], exchange: Exchange) -> Inputs:
    """The request's own items as they are kept: what privacy masked stays masked.

    given: the messages before the steps.
    """
    made = [*exchange.history, exchange.question]
    ids = [*exchange.history_ids, exchange.question_id]
    # A summary or a cut may have taken the beginning away: what is left is the end.
    ends = zip(reversed(ids), reversed(given), reversed(made), strict=False)
    changed = {name: new.content for name, old, new in ends if old.content != new.content}
    return replace(inputs, items=[_with(item, changed.get(item["id"])) for item in inputs.items])


def _with(item: Item, text: str | None) -> Item:
    if text is None:
        return item
    match item["type"]:
        case "message" if item["role"] != "system":
            kind = "output_text" if item["role"] == "assistant" else "input_text"
            return item | {"content": [text_part(kind, text)]}
        case "function_call_output":
            return item | {"output": text}
        case _:
            return item


def scope_of(state: State, call: CreateResponse, owner: str, response_id: str) -> str | None:
    """What keeps its state from turn to turn: a conversation, or the chain's first response."""
    if call.conversation_id is not None:
        return call.conversation_id
    if not call.store:
        return None
    if call.previous_response_id is None:
        return response_id
    return state.first_of(call.previous_response_id, owner)


def sampling_of(answerer: Answerer, call: CreateResponse) -> dict[str, Any]:
    """The sampling of a response, as plain values for its receipt."""
    asked: dict[str, Any] = {name: getattr(call, name) for name in DRAWN}
    if answerer.own:
        asked = {name: each for name, each in asked.items() if name in call.model_fields_set}
    if call.max_output_tokens is not None:
        asked["max_tokens"] = call.max_output_tokens
    found = answerer.sampling(asked)
    return DRAWN | found


def wanted_of(
    answerer: Answerer,
    call: CreateResponse,
    tools: Tools,
    decisions: dict[str, Decision],
    sampling: dict[str, Any],
    searched: Searched | None,
) -> Wanted:
    model = answerer.model
    limit = sampling.get("max_tokens")
    drops = call.truncation == "auto"
    reserve = (limit or max(1, model.context // ROOM)) if drops else (limit or 1)

    def refusal(tokens: int) -> FiresideError:
        try:
            check_fits(tokens, reserve if drops else limit, model.context, param="input")
        except FiresideError as error:
            return error
        raise AssertionError("what does not fit is refused")

    max_calls = call.max_tool_calls
    if max_calls is not None and searched is not None:
        max_calls -= 1
    return Wanted(
        params=params_of(call, sampling),
        fit=Fit(
            budget=Budget(window=model.context, reserve=reserve), drops=drops, refusal=refusal
        ),
        functions=tools.functions,
        choice=tools.choice,
        parallel=call.parallel_tool_calls,
        shape=shape_of(call.text.format),
        max_calls=max_calls,
        is_raw=not answerer.own,
        decisions=decisions,
    )  # fmt: skip


def params_of(call: CreateResponse, sampling: dict[str, Any]) -> SamplingParams:
    top_p = max(sampling["top_p"], SMALLEST_TOP_P)
    logprobs = call.top_logprobs if call.wants_logprobs else 0
    return SamplingParams(**{**sampling, "top_p": top_p, "logprobs": logprobs})


def calling_of(model: TextModel, call: Context, tools: Tools) -> Calling:
    return in_callers_words(
        lambda: calling_for(
            model.tokenizer,
            tools.functions,
            tools.choice,
            parallel=call.parallel_tool_calls,
            shape=shape_of(call.text.format),
        )
    )


def in_callers_words(make: Callable[[], T]) -> T:
    """What is wrong with the shape of an answer, under its name here."""
    try:
        return make()
    except BadRequest as error:
        if error.param in ("response_format", "structured_outputs"):
            error.param = "text.format"
        elif error.param == "constraint":  # a schema that no grammar is made of
            error.param = "tools"
        raise


def shape_of(form: TextFormat) -> Constraint | None:
    if form.type == "text":
        return None
    return Constraint(
        kind="json_schema", value=ANY_OBJECT if form.schema_ is None else form.schema_
    )
