"""Everything that the model will read for one response, and whether it fits.

History, the request's own items and the instructions become one prompt.  With `truncation:
disabled` what does not fit is refused with both counts; with `auto` the oldest items stay out, and
the response says how many.  A function's output never stays in without its call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from fireside.messages import Message
from fireside.server.responses.items import Item, parsed
from fireside.server.responses.messages import check_pairs, messages_of
from fireside.server.responses.state import Inputs, State
from fireside.server.responses.wire import Context
from fireside.server.sampling import check_fits

if TYPE_CHECKING:
    from fireside.engine.text import TextModel

ROOM: Final = 4
"""With `auto` and no `max_output_tokens`, a quarter of the window is left for the answer."""
Render = Callable[[Sequence[Message]], list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """history: what came before.  inputs: what this request adds."""

    history: list[Item]
    inputs: Inputs

    @property
    def items(self) -> list[Item]:
        return [*self.history, *self.inputs.items]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """ids: what the model reads.  items: those that are in it; dropped: how many older are not."""

    ids: list[int]
    items: Sequence[Item]
    dropped: int = 0


def said(state: State, call: Context, owner: str, memory: dict[str, list[Item]]) -> Said:
    """All items of a request and of what it goes on from.

    memory: histories that are not rows: what one WebSocket has seen with `store: false`.

    Raises:
        NotFound, BadRequest: as `State.history`, `State.resolved` and `parsed`.
    """
    history: list[Item] = []
    if call.previous_response_id is not None:
        kept = memory.get(call.previous_response_id)
        history = state.history(call.previous_response_id, owner) if kept is None else kept
    elif call.conversation_id is not None:
        history = state.conversation_items(call.conversation_id, owner)
    given = parsed([] if call.input is None else call.input, "input")
    items = state.resolved(given.items, owner, history)
    return Said(history=history, inputs=Inputs(items=items, minted=given.minted))


def prompt_of(
    model: TextModel,
    call: Context,
    items: Sequence[Item],
    render: Render,
    max_output_tokens: int | None,
) -> Prompt:
    """
    Raises:
        ContextOverflow: it does not fit, and nothing may be left out or nothing is left.
        BadRequest: the model's template refuses the messages.
    """
    check_pairs(items)

    def ids_from(start: int) -> list[int]:
        return render(messages_of(items[start:], call.instructions))

    whole = ids_from(0)
    if call.truncation == "disabled":
        check_fits(len(whole), max_output_tokens, model.context, param="input")
        return Prompt(ids=whole, items=items)
    room = max_output_tokens or max(1, model.context // ROOM)
    if len(whole) + room <= model.context:
        return Prompt(ids=whole, items=items)
    return _truncated(model, items, ids_from, room, whole)


def counted(call: Context, items: Sequence[Item], render: Render) -> int:
    """Tokens of the whole, whether or not it fits.

    Raises:
        BadRequest: the model's template refuses the messages.
    """
    check_pairs(items)
    return len(render(messages_of(items, call.instructions)))


def _truncated(
    model: TextModel,
    items: Sequence[Item],
    ids_from: Callable[[int], list[int]],
    room: int,
    whole: list[int],
) -> Prompt:
    found = longest_end(items, lambda start: len(ids_from(start)) + room <= model.context)
    if found is None:
        starts = starts_of(items)
        least = ids_from(starts[-1]) if starts else whole
        check_fits(len(least), room, model.context, param="input")
        raise AssertionError("what does not fit is refused")
    return Prompt(ids=ids_from(found), items=items[found:], dropped=found)


def longest_end(items: Sequence[Item], fits: Callable[[int], bool]) -> int | None:
    """Where the longest end that fits begins, by bisection: later starts are shorter prompts.
    None if no end of them fits."""
    starts = starts_of(items)
    low, high, best = 0, len(starts) - 1, None
    while low <= high:
        middle = (low + high) // 2
        if fits(starts[middle]):
            best, high = starts[middle], middle - 1
        else:
            low = middle + 1
    return best


def starts_of(items: Sequence[Item]) -> list[int]:
    """Where the kept items may begin: at what a person said, if anywhere; never inside a pair of
    a function call and its output."""
    inside = [0] * (len(items) + 1)
    calls: dict[str, int] = {}
    for place, item in enumerate(items):
        if item["type"] == "function_call":
            calls[item["call_id"]] = place
        elif item["type"] == "function_call_output":
            inside[calls[item["call_id"]] + 1] += 1
            inside[place + 1] -= 1
    possible, depth = [], 0
    for place in range(len(items)):
        depth += inside[place]
        if place and not depth:
            possible.append(place)
    people = [place for place in possible if items[place].get("role") == "user"]
    return people or possible
