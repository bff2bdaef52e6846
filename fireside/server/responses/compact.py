"""`POST /v1/responses/compact`: a long history made short.

The newest items that fit a quarter of the window stay as they are; the model sums up the older
ones, part by part, each part together with the summary so far.  The summary becomes one opaque
item in front of those that stay; where all of them stay it is empty.  Nothing is left out unread:
what would take more than `PARTS` parts is refused.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from fastapi import APIRouter, Request

from fireside.assistant.items import check_pairs, messages_of, read_of
from fireside.assistant.packed_summary import sealed
from fireside.assistant.prompt import starts_of
from fireside.engine.calling import calling_for
from fireside.engine.params import SamplingParams
from fireside.errors import ContextOverflow
from fireside.messages import Message
from fireside.server import body
from fireside.server.answers import gathered
from fireside.server.caller import caller_of
from fireside.server.lengths import check_items
from fireside.server.models import find
from fireside.server.openapi import documented
from fireside.server.responses import context
from fireside.server.responses.items import Item
from fireside.server.responses.run import usage_of
from fireside.server.responses.state import State
from fireside.server.responses.wire import Compact, Context
from fireside.server.sampling import check_fits
from fireside.server.streaming import (
    Stopped,
    submitted,
    submitted_while_connected,
    while_connected,
)
from fireside.storage.ids import new_id

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.engine.text import Generation, TextModel

PARTS: Final = 32
WISH: Final = (
    "Sum up the conversation below so that it can go on without it: who wants what, facts, names, "
    "numbers, decisions, and what is still open. Write only the summary."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What stays, and what is to be summed up: token ids, part by part."""

    kept: Sequence[Item]
    older: int
    parts: list[list[int]]


@dataclass(slots=True)
class Spent:
    """Tokens over all parts; `running` is the part that is being written."""

    running: Generation | None = None
    usages: list[Item] = field(default_factory=list)

    def cancel(self) -> None:
        if self.running is not None:
            self.running.cancel()

    @property
    def total(self) -> Item:
        def summed(*path: str) -> int:
            total = 0
            for usage in self.usages:
                value: Any = usage
                for name in path:
                    value = value[name]
                total += value
            return total

        return {
            "input_tokens": summed("input_tokens"),
            "input_tokens_details": {
                "cached_tokens": summed("input_tokens_details", "cached_tokens"),
                "cache_write_tokens": 0,
            },
            "output_tokens": summed("output_tokens"),
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": summed("total_tokens"),
        }


def plan(
    state: State, model: TextModel, call: Compact, owner: str, stopped: Stopped = lambda: False
) -> Plan:
    """
    Raises:
        BadRequest, NotFound: as for creating a response.
        ContextOverflow: too long even for this.
    """
    asked = Context(input=call.input, previous_response_id=call.previous_response_id)
    items = context.said(state, asked, owner, {}).items
    check_items(model, call.instructions, items, stopped, windows=PARTS // 4 + 1)
    check_pairs(items, waiting=True)
    calling = calling_for(model.tokenizer, ())

    def fits(start: int) -> bool:
        rendered = calling.render(model.tokenizer, messages_of(items[start:]))
        return len(rendered.ids) <= model.context // 4

    start = 0 if fits(0) else longest_end(items, fits)
    if start == 0:
        return Plan(kept=items, older=0, parts=[])
    ids = model.tokenizer.encode(_transcript(messages_of(items[:start])))
    size = max(1, model.context // 4)
    parts = [ids[begin : begin + size] for begin in range(0, len(ids), size)]
    if len(parts) > PARTS:
        raise ContextOverflow(
            f"The items to sum up are {len(ids)} tokens; {PARTS * size} is the most that "
            f"{model.name} can compact. Send fewer.",
            param="input",
        )
    return Plan(kept=items[start:], older=start, parts=parts)


def longest_end(items: Sequence[Item], fits: Callable[[int], bool]) -> int:
    """Where the longest end that fits begins; the number of items if none of them does."""
    read = read_of(items)
    places = {item["id"]: place for place, item in enumerate(items)}
    starts = [places[read.ids[each]] for each in starts_of(read.messages)]
    found = bisect_left(starts, True, key=fits)  # later starts are shorter prompts
    return starts[found] if found < len(starts) else len(items)


def _transcript(messages: Sequence[Message]) -> str:
    lines = []
    for message in messages:
        lines.append(f"{message.role}: {message.content}")
        lines.extend(f"calls {call.name}: {call.arguments}" for call in message.tool_calls)
    return "\n".join(lines)


async def summary(
    model: TextModel, instructions: str | None, parts: Sequence[Sequence[int]], owner: str,
    spent: Spent,
) -> str:  # fmt: skip
    """The summary of all parts."""
    so_far = ""
    for part in parts:
        text = await asyncio.to_thread(model.tokenizer.decode, part)
        prompt = await asyncio.to_thread(_prompt, model, instructions, so_far, text)
        params = SamplingParams(temperature=0.0, max_tokens=max(1, model.context // 5))
        generate = partial(_generation, model, prompt, params, owner)
        running = await submitted(generate, lambda generation: generation.cancel())
        spent.running = running
        so_far = (await gathered(running))[0].text.strip()
        spent.usages.append(usage_of(running))
    return so_far


def _generation(
    model: TextModel, prompt: list[int], params: SamplingParams, owner: str, _: Stopped
) -> Generation:
    return model.generate(prompt, params, owner=owner)


def _prompt(model: TextModel, instructions: str | None, so_far: str, text: str) -> list[int]:
    known = f"Summary of what came before:\n{so_far}\n\n" if so_far else ""
    messages = [Message(role="user", content=f"{WISH}\n\n{known}{text}")]
    if instructions:
        messages.insert(0, Message(role="system", content=instructions))
    ids: list[int] = model.tokenizer.render(messages).ids
    check_fits(len(ids), max(1, model.context // 5), model.context, param="instructions")
    return ids


def routes(models: Models, state: State) -> APIRouter:
    router = APIRouter(prefix="/v1/responses", tags=["responses"])

    @router.post("/compact")
    @documented(request=Compact, response="responses:CompactedResponse")
    async def compact_response(request: Request) -> dict[str, Any]:
        call = await body.read(request, Compact)
        owner = caller_of(request).owner
        model = await find(models, call.model, owner=owner)
        made = await submitted_while_connected(
            request, lambda stopped: plan(state, model, call, owner, stopped), lambda _: None
        )
        spent = Spent()
        output = list(made.kept)
        if made.parts:
            work = summary(model, call.instructions, made.parts, owner, spent)
            told = await while_connected(request, work, spent.cancel)
            output.insert(0, compaction_of(told))
        elif all(item["type"] != "compaction" for item in output):
            output.insert(0, compaction_of(""))  # clients look for one
        return {
            "id": new_id("resp"),
            "object": "response.compaction",
            "created_at": int(time.time()),
            "output": output,
            "usage": spent.total,
            "fireside": {"kept_items": len(made.kept), "summarised_items": made.older},
        }

    return router


def compaction_of(told: str) -> Item:
    return {"id": new_id("cmp"), "type": "compaction", "encrypted_content": sealed(told)}
