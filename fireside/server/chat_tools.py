"""What a chat request may say of functions: `tools`, `tool_choice` and their deprecated twins.

Shapes, and their translation to `tools.Choice`; what a choice means is `tools.py`.  Custom tools
(free text by a grammar) are refused by their type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from fireside.engine.calling import MAX_FUNCTIONS, NAME, Choice, Function
from fireside.errors import BadRequest
from fireside.server.body import Wire

if TYPE_CHECKING:
    from fireside.server.chat_wire import ChatCompletionRequest

FunctionName = Annotated[str, Field(pattern=NAME)]


class FunctionDefinition(Wire):
    """strict: arguments are held to their schema in any case."""

    name: FunctionName
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None

    @property
    def function(self) -> Function:
        return Function(name=self.name, description=self.description, parameters=self.parameters)


class FunctionTool(Wire):
    type: Literal["function"]
    function: FunctionDefinition


class FunctionByName(Wire):
    name: str = Field(min_length=1, max_length=256)


class NamedTool(Wire):
    type: Literal["function"]
    function: FunctionByName


class AllowedTools(Wire):
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1, max_length=MAX_FUNCTIONS)]


class AllowedToolsChoice(Wire):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


Tools = Annotated[list[FunctionTool], Field(max_length=MAX_FUNCTIONS)]
ToolChoice = Literal["none", "auto", "required"] | NamedTool | AllowedToolsChoice
Functions = Annotated[list[FunctionDefinition], Field(max_length=MAX_FUNCTIONS)]
FunctionCall = Literal["none", "auto"] | FunctionByName


def functions_of(call: ChatCompletionRequest) -> list[Function]:
    if call.tools and call.functions:
        raise BadRequest("functions is the old name of tools; send tools alone.", param="functions")
    return [each.function.function for each in call.tools] + [
        each.function for each in call.functions
    ]


def choice_of(call: ChatCompletionRequest) -> Choice:
    """Raises BadRequest: a choice of the one kind with functions of the other."""
    if call.function_call not in (None, "none", "auto") and not call.functions:
        raise BadRequest("function_call goes with functions.", param="function_call")
    if call.tool_choice not in (None, "none", "auto") and not call.tools:
        raise BadRequest(
            "tool_choice asks for a call, but there are no tools.", param="tool_choice"
        )
    chosen = call.tool_choice if call.function_call is None else call.function_call
    match chosen:
        case "none" | "auto" | "required":
            return Choice(mode=chosen)
        case NamedTool():
            return Choice(mode="required", names=(chosen.function.name,))
        case FunctionByName():
            return Choice(mode="required", names=(chosen.name,))
        case AllowedToolsChoice():
            allowed = chosen.allowed_tools
            names = tuple(each.function.name for each in allowed.tools)
            return Choice(mode=allowed.mode, names=names)
        case _:
            return Choice()
