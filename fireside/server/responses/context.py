"""Everything that the model will read for one response: what came before, and what is new.

It reads rows and checks items; the prompt, and whether it fits, is the assistant's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from fireside.server.responses.items import Item, parsed
from fireside.server.responses.state import Inputs, State
from fireside.server.responses.wire import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """history: what came before.  inputs: what this request adds."""

    history: list[Item]
    inputs: Inputs

    @property
    def items(self) -> list[Item]:
        return [*self.history, *self.inputs.items]


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
