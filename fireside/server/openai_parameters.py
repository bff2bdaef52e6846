"""The tables of obligations and hints, endpoint by endpoint; docs/api.md is checked against them.

Of every parameter that OpenAI, or a client made for another provider, may send to an endpoint that
answers, and that does nothing here.  What is in no table and in no shape is unknown: a 400.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib import import_module
from typing import Final

from fireside.server.parameters import EmptyExtras, Hint, Obligation, Parameter, Table

ONE_TIER: Final = Hint(why="there is one tier", passes=("auto", "default"))
CACHE: Final = "the prefix cache is automatic, and lives in memory"
NO_DIAL: Final = "no model here has this dial"
IDENTITY: Final = "nothing depends on who asks but the key"
ELSEWHERE: Final = "of another provider; the model does not read it"
TEXT_ONLY: Final = "text only"

CACHED: Final[dict[str, Parameter]] = {
    "prompt_cache_options": Hint(why=CACHE),
    "prompt_cache_retention": Hint(why=CACHE, passes=("in_memory",)),
    "service_tier": ONE_TIER,
}
WHO: Final[dict[str, Parameter]] = {
    "client_metadata": Hint(why=IDENTITY),
    "prompt_cache_key": Hint(why=CACHE, is_kept=True),
    "safety_identifier": Hint(why=IDENTITY, is_kept=True),
    "user": Hint(why=IDENTITY, is_kept=True),
}
MARKS: Final[dict[str, Parameter]] = {
    "cache_control": Hint(why=CACHE),
    "prompt_cache_breakpoint": Hint(why=CACHE),
    "provider_metadata": Hint(why=ELSEWHERE),
    "provider_options": Hint(why=ELSEWHERE),
    "provider_specific_fields": Hint(why=ELSEWHERE),
    "providerMetadata": Hint(why=ELSEWHERE),
    "providerOptions": Hint(why=ELSEWHERE),
    "experimental_providerMetadata": Hint(why=ELSEWHERE),
    "extra_content": Hint(why=ELSEWHERE),
}
"""Beside a message, a part, a call or a tool."""
THOUGHTS: Final = Hint(why="what a model thought in an earlier turn is not read again")
OBFUSCATION: Final = Hint(why="nothing is padded", passes=(False,))


def _empty(module: str, *shapes: str) -> EmptyExtras:
    """Of shapes that read this table: their module is imported when they do."""

    @cache
    def names() -> Collection[str]:
        home = import_module(f"fireside.server.{module}")
        wires = [getattr(home, shape) for shape in shapes]
        return frozenset(
            field.alias or name for wire in wires for name, field in wire.model_fields.items()
        )

    return EmptyExtras(why="an empty value asks for nothing", names=names)


def _at(place: str, parameters: dict[str, Parameter]) -> dict[str, Parameter]:
    return {f"{place}.{name}": each for name, each in parameters.items()}


MESSAGE: Final[dict[str, Parameter]] = {
    **MARKS,
    "annotations": Hint(why="citations of an earlier answer are not read again"),
    "reasoning": THOUGHTS,
    "reasoning_content": THOUGHTS,
    "reasoning_details": THOUGHTS,
    "reasoning_items": THOUGHTS,
    "reasoning_text": THOUGHTS,
    "thinking": THOUGHTS,
    "thinking_blocks": THOUGHTS,
    "content[reasoning]": THOUGHTS,
    "content[redacted_thinking]": THOUGHTS,
    "content[thinking]": THOUGHTS,
    **_at("content[]", MARKS | {"annotations": Hint(why=ELSEWHERE)}),
    "content[].*": _empty("chat_messages", "Part"),
    **_at("tool_calls[]", MARKS | {"index": Hint(why="calls are in their order")}),
    "tool_calls[].*": _empty("chat_messages", "SentCall"),
    **_at("tool_calls[].function", MARKS),
    "tool_calls[].function.*": _empty("chat_messages", "CalledFunction"),
    "function_call.*": _empty("chat_messages", "CalledFunction"),
    "*": _empty("chat_messages", "ChatMessage"),
}

CHAT: Final = Table(
    {
        "audio": Obligation(why=TEXT_ONLY),
        "modalities": Obligation(why=TEXT_ONLY, passes=(["text"],)),
        "moderation": Obligation(why="`/v1/moderations` judges a text"),
        "web_search_options": Obligation(
            why="the server makes no calls of its own", asks_when_empty=True
        ),
        "prediction": Hint(why="speculation is automatic, and lossless"),
        "reasoning_effort": Hint(why=NO_DIAL, passes=("none",)),
        "verbosity": Hint(why=NO_DIAL, passes=("medium",)),
        "stream_options.include_obfuscation": OBFUSCATION,
        **CACHED,
        **WHO,
        **_at("tools[]", MARKS),
        "tools[].*": _empty("chat_tools", "FunctionTool"),
        **_at("tools[].function", MARKS),
        "tools[].function.*": _empty("chat_tools", "FunctionDefinition"),
        **_at("messages[]", MESSAGE),
    }
)

COMPLETIONS: Final = Table(
    {
        "suffix": Obligation(why="no model here fills in the middle"),
        "stream_options.include_obfuscation": OBFUSCATION,
        "user": WHO["user"],
    }
)

EMBEDDINGS: Final = Table({"user": WHO["user"]})

ITEM: Final[dict[str, Parameter]] = {
    **_at("[]", MARKS),
    "[].caller": Hint(why="every call is the model's own", passes=({"type": "direct"},)),
    "[].created_by": Hint(why=IDENTITY),
    "[].index": Hint(why="items are in their order"),
    "[].reasoning_content": THOUGHTS,
    "[reasoning].encrypted_content": THOUGHTS,
    **_at("[].content[]", MARKS),
    "[].content[].*": _empty(
        "responses.item_wire", "InputText", "OutputText", "Refusal", "ReasoningText"
    ),
    "[].*": _empty(
        "responses.item_wire", "MessageItem", "FunctionCall", "FunctionCallOutput",
        "ReasoningItem", "FileSearchCall", "CompactionItem", "McpCall", "McpApprovalRequest",
        "McpApprovalResponse", "McpListTools",
    ),
}  # fmt: skip


def _items(place: str) -> dict[str, Parameter]:
    return {place + name: each for name, each in ITEM.items()}


ABSENT: Final = "no such item can come out, so nothing is missing"
INCLUDE: Final[dict[str, Parameter]] = {
    f"include[{name}]": Hint(why=ABSENT)
    for name in (
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "message.input_image.image_url",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    )
}
CONTEXT: Final[dict[str, Parameter]] = {
    "reasoning.context": Hint(why=NO_DIAL, passes=("auto",)),
    "reasoning.effort": Hint(why=NO_DIAL, passes=("none",)),
    "reasoning.generate_summary": Hint(why=NO_DIAL),
    "reasoning.mode": Hint(why=NO_DIAL),
    "reasoning.summary": Hint(why=NO_DIAL),
    "text.verbosity": Hint(why=NO_DIAL, passes=("medium",)),
    "tools[].allowed_callers": Obligation(why="every call is direct", passes=(["direct"],)),
    "tools[].async": Obligation(why="a turn waits for its calls", passes=(False,)),
    "tools[].connector_id": Obligation(why="connectors are OpenAI's"),
    "tools[].defer_loading": Hint(why="every tool is loaded", passes=(False,)),
    "tools[].output_schema": Hint(why="a result is read as it is"),
    "tools[].tunnel_id": Obligation(why="tunnels are OpenAI's"),
    **_at("tools[]", MARKS),
    "tools[].*": _empty("responses.tools", "FunctionTool", "FileSearchTool", "McpTool"),
    **_items("input"),
}

RESPONSES: Final = Table(
    {
        "access_programs": Obligation(why="of OpenAI's hosted products"),
        "background_options": Obligation(why="not here"),
        "context_management": Obligation(
            why="nothing is dropped unasked: `truncation` and `/responses/compact` do it",
        ),
        "image": Obligation(why=TEXT_ONLY),
        "moderation": Obligation(why="`/v1/moderations` judges a text"),
        "prompt": Obligation(why="stored prompts live at OpenAI"),
        "stream_options.include_obfuscation": OBFUSCATION,
        **INCLUDE,
        **CACHED,
        **WHO,
        **CONTEXT,
    }
)
COUNT: Final = Table({"personality": Obligation(why=NO_DIAL), **CONTEXT})
COMPACT: Final = Table(
    {
        "image": Obligation(why=TEXT_ONLY),
        "prompt_cache_key": WHO["prompt_cache_key"],
        **CACHED,
        **_items("input"),
    }
)
ITEMS: Final = Table(_items("items"))
"""Of `/v1/conversations`."""
