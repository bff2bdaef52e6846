"""`POST /v1/completions`: raw text or token ids to their continuation, one or many prompts.

No chat template: the prompt is the prompt.  But OpenAI's instruct models of 2022 answered a bare
question, and a chat model ends one at once; so under their names a text is a question put through
the chat template, and the header `x-fireside-prompt` says so.  Text of a request never becomes a
control token; who wants control tokens sends ids.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from fireside.errors import BadRequest, Interrupted
from fireside.messages import Message
from fireside.server import body
from fireside.server.answers import Told, finish_of, gathered, usage_of
from fireside.server.caller import caller_of
from fireside.server.chat_head import fingerprint
from fireside.server.logprobs import Columns
from fireside.server.models import find
from fireside.server.openapi import documented
from fireside.server.sampling import check_fits, check_ids, completion_params, in_callers_words
from fireside.server.streaming import (
    Event,
    EventStream,
    Stopped,
    begun,
    interleaved,
    submitted_while_connected,
    while_connected,
)
from fireside.server.wire import CompletionRequest
from fireside.tokenizer.length import check_length

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.engine.text import Generation, TextEvent, TextModel, TokenInfo

PROMPT: Final = "x-fireside-prompt"
MOST_CANDIDATES: Final = 512
"""Answers of one request, over all of its prompts."""


@dataclass(frozen=True, kw_only=True)
class Head:
    """What every object of one answer repeats."""

    model: str
    id: str = field(default_factory=lambda: f"cmpl-{secrets.token_hex(12)}")
    created: int = field(default_factory=lambda: int(time.time()))

    def object(self, choices: Sequence[Event]) -> dict[str, object]:
        return {
            "id": self.id,
            "object": "text_completion",
            "created": self.created,
            "model": self.model,
            "choices": choices,
            "system_fingerprint": fingerprint(self.model),
        }


@dataclass(frozen=True)
class Running:
    """One prompt of the request, the text to repeat of it, and the generation that continues it."""

    echo: str
    generation: Generation


@dataclass(frozen=True)
class Completions:
    """Answers a request, by whichever URL it came.  max_prompts: taken in one request."""

    models: Models
    max_prompts: int

    async def __call__(self, request: Request, call: CompletionRequest) -> Response:
        """
        Raises:
            BadRequest: and its kin, naming the parameter.
        """
        if len(call.prompts) > self.max_prompts:
            raise BadRequest(
                f"prompt holds {len(call.prompts)} prompts; this server takes {self.max_prompts} "
                "in one request.",
                param="prompt",
            )
        if call.candidates > MOST_CANDIDATES:
            name = "best_of" if call.best_of else "n"
            raise BadRequest(
                f"{len(call.prompts)} prompts with {name} {call.candidates // len(call.prompts)} "
                f"ask for {call.candidates} answers; this server writes {MOST_CANDIDATES} in one "
                "request.",
                param=name,
            )
        owner = caller_of(request).owner
        model = await find(self.models, call.model, owner=owner)
        asks = self.models.aliases.follows_instructions(call.model) and is_question(model, call)
        with in_callers_words(call):
            response = await answer(request, model, call, owner, asks)
        if asks:
            response.headers[PROMPT] = "chat-template"
        return response


def routes(complete: Completions) -> APIRouter:
    router = APIRouter(tags=["completions"])

    @router.post("/v1/completions")
    @documented(request=CompletionRequest, response="Completion", events="Completion")
    async def create_completion(request: Request) -> Response:
        return await complete(request, await body.read(request, CompletionRequest))

    return router


def is_question(model: TextModel, call: CompletionRequest) -> bool:
    """Whether the prompts are texts to answer: not ids, and not a text that is to be scored, as
    `echo` with `logprobs` does; and the model has a template to put them in."""
    scores = call.echo and call.logprobs is not None
    is_text = isinstance(call.prompts[0], str)
    return is_text and not scores and bool(model.tokenizer.chat_template)


async def answer(
    request: Request, model: TextModel, call: CompletionRequest, owner: str, asks: bool
) -> Response:
    """asks: the prompts go through the chat template."""
    running = await submitted_while_connected(
        request, lambda stopped: start(model, call, owner, asks, stopped), cancel_all
    )
    head = Head(model=model.name)

    def cancel() -> None:
        cancel_all(running)

    if call.stream:
        merged = interleaved([each.generation for each in running])
        events = await begun(request, merged, cancel, call.constrained_by is not None)
        return EventStream(chunks(head, running, events, call), cancel=cancel)
    told = await while_connected(request, gathered_all(running), cancel)
    return JSONResponse(whole(head, running, told, call))


def cancel_all(running: Sequence[Running]) -> None:
    for each in running:
        each.generation.cancel()


def start(
    model: TextModel, call: CompletionRequest, owner: str, asks: bool, stopped: Stopped
) -> list[Running]:
    """Submit every prompt, or none."""
    params = completion_params(call)
    check_ids(params.stop_ids, model.tokenizer.vocab_size, param="stop_token_ids")
    prompts = [encoded(model, prompt, asks, stopped) for prompt in call.prompts]
    for prompt in prompts:
        check_fits(len(prompt), call.max_tokens, model.context, param="prompt")
    running: list[Running] = []
    try:
        for given, prompt in zip(call.prompts, prompts, strict=True):
            echo = _echo(model, given) if call.echo else ""
            running.append(Running(echo, model.generate(prompt, params, owner=owner)))
    except BaseException:
        for each in running:
            each.generation.cancel()
        raise
    return running


def encoded(model: TextModel, prompt: str | list[int], asks: bool, stopped: Stopped) -> list[int]:
    if stopped():
        raise Interrupted("The client went away.")
    if isinstance(prompt, str):
        check_length(model.tokenizer, [prompt], model.context, param="prompt", stopped=stopped)
        if asks:
            rendered: list[int] = model.tokenizer.render([Message(role="user", content=prompt)]).ids
            return rendered
        return model.tokenizer.encode(prompt, add_bos=True)
    check_ids(prompt, model.tokenizer.vocab_size, param="prompt")
    return prompt


def _echo(model: TextModel, prompt: str | list[int]) -> str:
    if isinstance(prompt, str):
        return prompt
    return model.tokenizer.decode(prompt, skip_special=False)


async def gathered_all(running: Sequence[Running]) -> list[list[Told]]:
    return [await gathered(each.generation) for each in running]


def whole(
    head: Head, running: Sequence[Running], told: Sequence[Sequence[Told]], call: CompletionRequest
) -> dict[str, object]:
    """Choices in order: all of the first prompt, then all of the second."""
    choices: list[Event] = []
    for source, answers in zip(running, told, strict=True):
        for each in answers:
            text = each.text if call.max_tokens else ""
            tokens = each.tokens if call.max_tokens else []
            echoed = _echoed(source, call)
            choices.append(
                _choice(len(choices), source.echo + text, [*echoed, *tokens], call, Columns())
                | {"finish_reason": each.finish_reason}
            )
    return head.object(choices) | {"usage": _usage(running, call)}


async def chunks(
    head: Head,
    running: Sequence[Running],
    events: AsyncIterator[tuple[int, TextEvent]],
    call: CompletionRequest,
) -> AsyncIterator[Event]:
    """Pieces of all choices as they come, and the usage if asked for."""
    extra = {"usage": None} if call.wants_usage else {}
    columns: dict[int, Columns] = {}
    async for number, event in events:
        source = running[number]
        index = number * call.n + event.index
        text = event.text if call.max_tokens else ""
        tokens = list(event.tokens) if call.max_tokens else []
        if index not in columns:
            columns[index] = Columns()
            text = source.echo + text
            tokens = [*_echoed(source, call), *tokens]
        finish = finish_of(event, source.generation)
        if text or tokens or finish:
            choice = _choice(index, text, tokens, call, columns[index])
            yield head.object([choice | {"finish_reason": finish}]) | extra
    if call.wants_usage:
        yield head.object([]) | {"usage": _usage(running, call)}


def _choice(
    index: int, text: str, tokens: Sequence[TokenInfo], call: CompletionRequest, columns: Columns
) -> dict[str, object]:
    logprobs = columns.of(tokens) if call.logprobs is not None else None
    return {"index": index, "text": text, "logprobs": logprobs}


def _echoed(source: Running, call: CompletionRequest) -> Sequence[TokenInfo]:
    if not call.echo or call.logprobs is None:
        return ()
    return source.generation.prompt_tokens_info or ()


def _usage(running: Sequence[Running], call: CompletionRequest) -> dict[str, object]:
    usage = usage_of([each.generation for each in running])
    if call.max_tokens == 0:  # one token ran and was dropped: the engine cannot run none
        usage |= {"completion_tokens": 0, "total_tokens": usage["prompt_tokens"]}
    return usage
