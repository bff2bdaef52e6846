"""The texts of a request that its prompt will be made of, to see whether they can fit at all."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fireside.errors import ContextOverflow
from fireside.server.chat_tools import functions_of
from fireside.tokenizer.length import Stopped, check_length

if TYPE_CHECKING:
    from fireside.engine.text import TextModel
    from fireside.server.chat_wire import ChatCompletionRequest


def check_chat(model: TextModel, call: ChatCompletionRequest, stopped: Stopped) -> None:
    """
    Raises:
        ContextOverflow, Interrupted: as `check_length`.
    """
    texts = [message.text for message in call.messages]
    for message in call.messages:
        texts += [each.function.arguments for each in message.tool_calls]
    texts += [json.dumps(each.parameters) for each in functions_of(call)]
    check_length(model.tokenizer, texts, model.context, param="messages", stopped=stopped)


def check_items(
    model: TextModel,
    instructions: str | None,
    items: Sequence[object],
    stopped: Stopped,
    *,
    drops: bool = False,
    windows: int = 1,
) -> None:
    """The items that a request adds.

    drops: items may be left out of the prompt, so each must fit alone.  windows: how many windows
    they may fill, for what only counts or shortens them.

    Raises:
        ContextOverflow, Interrupted: as `check_length`.
    """
    texts = [instructions or "", *(text for item in items for text in strings_of(item))]
    try:
        for group in [[text] for text in texts] if drops else [texts]:
            check_length(
                model.tokenizer, group, windows * model.context, param="input", stopped=stopped
            )
    except ContextOverflow as error:
        if group == [instructions]:
            error.param = "instructions"
        raise


def strings_of(value: object) -> Iterator[str]:
    """Every text in a JSON value; the names of its members are few."""
    below = [value]
    while below:
        each = below.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            below.extend(each.values())
        elif isinstance(each, list):
            below.extend(each)
