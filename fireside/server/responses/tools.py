"""The tools of a request: functions, which the client runs; `file_search`, which runs here; and
those of MCP servers (`mcp_wire.py`).

Every other built-in tool of OpenAI's is refused by name, and so is a choice of one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from fireside.engine.calling import Choice, Function
from fireside.errors import BadRequest, Unsupported
from fireside.server.body import Wire, validate
from fireside.server.responses.items import Item, within
from fireside.server.responses.mcp_wire import McpTool
from fireside.server.responses.wire import Context, Id
from fireside.server.wire import Integer

BUILT_IN: Final = frozenset(
    [
        "apply_patch",
        "code_interpreter",
        "computer",
        "computer_use_preview",
        "custom",
        "image_generation",
        "local_shell",
        "namespace",
        "programmatic_tool_calling",
        "shell",
        "tool_search",
        "web_search",
        "web_search_2025_08_26",
        "web_search_preview",
        "web_search_preview_2025_03_11",
    ]
)


class FunctionTool(Wire):
    type: Literal["function"]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class HybridSearch(Wire):
    embedding_weight: float = Field(ge=0)
    text_weight: float = Field(ge=0)


class RankingOptions(Wire):
    ranker: Literal["none", "auto", "default-2024-11-15"] = "auto"
    score_threshold: float = Field(0.0, ge=0, le=1)
    hybrid_search: HybridSearch | None = None


class FileSearchTool(Wire):
    type: Literal["file_search"]
    vector_store_ids: Annotated[list[Id], Field(min_length=1, max_length=16)]
    filters: dict[str, Any] | None = None
    max_num_results: Annotated[Integer, Field(ge=1, le=50)] = 20
    ranking_options: RankingOptions = RankingOptions()


class NamedFunction(Wire):
    type: Literal["function"]
    name: str


class Allowed(Wire):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=128)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """functions, choice: for `calling_for`.  search: the file search to run first, if one is.

    servers: MCP servers, with their places in the request.
    shown, choice_shown: as the response object repeats them.
    """

    functions: tuple[Function, ...]
    choice: Choice
    search: FileSearchTool | None
    servers: tuple[tuple[int, McpTool], ...]
    shown: list[Item]
    choice_shown: object


def tools_of(call: Context) -> Tools:
    """
    Raises:
        Unsupported: a built-in tool that is not here, naming it.
        BadRequest: a tool or a choice of the wrong form.
    """
    functions: list[FunctionTool] = []
    searches: list[FileSearchTool] = []
    servers: list[tuple[int, McpTool]] = []
    shown: list[Item] = []
    for place, raw in enumerate(call.tools):
        with within(f"tools[{place}]"):
            tool = _tool(raw)
        if isinstance(tool, FunctionTool):
            functions.append(tool)
            strict = True if tool.strict is None else tool.strict
            shown.append(tool.model_dump() | {"strict": strict})
        elif isinstance(tool, McpTool):
            servers.append((place, tool))
            shown.append(tool.shown)
        else:
            searches.append(tool)
            shown.append(tool.model_dump())
    if len(searches) > 1:
        raise BadRequest("tools holds more than one file_search.", param="tools")
    if len({each.server_label for _, each in servers}) < len(servers):
        raise BadRequest("tools holds two servers of one server_label.", param="tools")
    choice, may_search = _choice(call.tool_choice, [each.name for each in functions], searches)
    return Tools(
        functions=tuple(
            Function(name=each.name, description=each.description, parameters=each.parameters)
            for each in functions
        ),
        choice=choice,
        search=searches[0] if searches and may_search else None,
        servers=tuple(servers) if call.tool_choice != "none" else (),
        shown=shown,
        choice_shown=call.tool_choice,
    )


def _tool(raw: Mapping[str, Any]) -> FunctionTool | FileSearchTool | McpTool:
    kind = raw.get("type")
    if isinstance(kind, str) and kind in BUILT_IN:
        raise Unsupported(
            f"The tool {kind!r} is not supported here; there are function, file_search and mcp.",
            param="type",
        )
    if kind == "function":
        return validate(raw, FunctionTool)
    if kind == "file_search":
        return validate(raw, FileSearchTool)
    if kind == "mcp":
        return validate(raw, McpTool)
    raise BadRequest("Invalid value for 'type': take function, file_search or mcp.", param="type")


def _choice(
    asked: str | Mapping[str, Any], names: Sequence[str], searches: Sequence[FileSearchTool]
) -> tuple[Choice, bool]:
    """What may be called, and whether the files may be searched."""
    if isinstance(asked, str):
        if asked == "none":
            return Choice(mode="none"), False
        # A search answers `required` too: it is a call of a tool.
        required = asked == "required" and not searches
        return Choice(mode="required" if required else "auto"), True
    with within("tool_choice"):
        match asked.get("type"):
            case "function":
                named = validate(asked, NamedFunction)
                return Choice(mode="required", names=(named.name,)), False
            case "file_search":
                if not searches or set(asked) != {"type"}:
                    raise BadRequest("Invalid value for 'type': tools has no file_search.",
                                     param="type")  # fmt: skip
                return Choice(mode="none"), True
            case "allowed_tools":
                return _allowed(validate(asked, Allowed), names, searches)
            case kind if isinstance(kind, str) and kind in BUILT_IN:
                raise Unsupported(
                    f"The tool {kind!r} is not supported by this server.", param="type"
                )
            case _:
                raise BadRequest(
                    "Invalid value for 'type': take function, file_search or allowed_tools.",
                    param="type",
                )


def _allowed(
    allowed: Allowed, names: Sequence[str], searches: Sequence[FileSearchTool]
) -> tuple[Choice, bool]:
    may_search, functions = False, []
    for place, raw in enumerate(allowed.tools):
        with within(f"tools[{place}]"):
            if raw == {"type": "file_search"} and searches:
                may_search = True
                continue
            named = validate(raw, NamedFunction)
            if named.name not in names:
                raise BadRequest(f"There is no tool {named.name[:64]!r}.", param="name")
            functions.append(named.name)
    if not functions:
        return Choice(mode="none"), may_search
    required = allowed.mode == "required" and not may_search
    return Choice(mode="required" if required else "auto", names=tuple(functions)), may_search
