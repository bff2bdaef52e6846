"""What a client may send to `/v1/responses`, its siblings and `/v1/conversations`.

Shapes only; the items of `input` are `items.py`'s, and what does nothing here is in
`openai_parameters.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from fireside.errors import BadRequest
from fireside.server.body import Wire
from fireside.server.openai_parameters import COMPACT, COUNT, ITEMS, RESPONSES
from fireside.server.openapi import Described
from fireside.server.parameters import Table
from fireside.server.wire import Integer, Label, Metadata, Whole

INCLUDABLE = ("message.output_text.logprobs", "file_search_call.results")
Id = Annotated[str, Field(min_length=1, max_length=256)]
Name = Annotated[str, Field(min_length=1, max_length=1024)]


class FileSearchChoice(Wire):
    type: Literal["file_search"]


def _items() -> Any:
    from fireside.server.responses.items import Parsed

    return Parsed


def _tools() -> Any:
    from fireside.server.responses.mcp_wire import McpTool
    from fireside.server.responses.tools import FileSearchTool, FunctionTool

    return FunctionTool | FileSearchTool | McpTool


def _choices() -> Any:
    from fireside.server.responses.tools import Allowed, NamedFunction

    return NamedFunction | FileSearchChoice | Allowed


RawItem = Annotated[Any, Described(_items)]
RawTool = Annotated[dict[str, Any], Described(_tools)]
RawChoice = Annotated[dict[str, Any], Field(min_length=1), Described(_choices)]
RawInput = str | list[RawItem]


class Nothing(Wire):
    """An empty object: the URL says it all."""


class StreamOptions(Wire):
    """Every member is a hint."""


class Reasoning(Wire):
    """Every member is a hint: the models here think aloud or not at all."""


class TextFormat(Wire):
    type: Literal["text", "json_object", "json_schema"] = "text"
    name: str | None = Field(None, min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    description: str | None = None
    schema_: dict[str, Any] | None = Field(None, alias="schema")
    strict: bool | None = None

    @model_validator(mode="after")
    def _schema_goes_with_its_type(self) -> TextFormat:
        if self.type == "json_schema":
            for name, value in (("name", self.name), ("schema", self.schema_)):
                if value is None:
                    param = f"text.format.{name}"
                    raise BadRequest(f"Missing required parameter: {param!r}.", param=param)
        elif any((self.name, self.schema_, self.strict, self.description)):
            raise BadRequest(
                "name, schema, strict and description go with the type json_schema only.",
                param="text.format",
            )
        return self

    @property
    def shown(self) -> dict[str, object]:
        if self.type != "json_schema":
            return {"type": self.type}
        return {
            "type": self.type,
            "name": self.name,
            "description": self.description,
            "schema": self.schema_,
            "strict": bool(self.strict),
        }


class TextConfig(Wire):
    format: TextFormat = TextFormat()

    @property
    def shown(self) -> dict[str, object]:
        return {"format": self.format.shown, "verbosity": "medium"}


class ConversationId(Wire):
    id: Id


class Context(Wire):
    """What decides the prompt: shared by creating, counting and compacting."""

    input: RawInput | None = None
    instructions: str | None = None
    previous_response_id: Id | None = None
    conversation: Id | ConversationId | None = None
    text: TextConfig = TextConfig()
    tools: list[RawTool] = Field(default_factory=list, max_length=128)
    tool_choice: Literal["none", "auto", "required"] | RawChoice = "auto"
    parallel_tool_calls: bool | None = None
    reasoning: Reasoning | None = None
    truncation: Literal["auto", "disabled"] = "disabled"

    @model_validator(mode="after")
    def _one_history(self) -> Context:
        if self.previous_response_id is not None and self.conversation is not None:
            raise BadRequest(
                "previous_response_id and conversation both say what came before; send one.",
                param="previous_response_id",
            )
        if self.input is None and not (self.previous_response_id or self.conversation):
            raise BadRequest("Missing required parameter: 'input'.", param="input")
        if self.input == "" or (self.input == [] and not self.has_history):
            raise BadRequest("input is empty; there is nothing to answer.", param="input")
        return self

    @property
    def has_history(self) -> bool:
        return bool(self.previous_response_id or self.conversation)

    @property
    def conversation_id(self) -> str | None:
        named = self.conversation
        return named.id if isinstance(named, ConversationId) else named


class CreateResponse(Context):
    model: Name
    background: bool = False
    include: list[str] = Field(default_factory=list, max_length=16)
    max_output_tokens: Annotated[Whole, Field(ge=1)] | None = None
    max_tool_calls: Whole | None = None
    presence_penalty: float = Field(0.0, ge=-2, le=2)
    frequency_penalty: float = Field(0.0, ge=-2, le=2)
    metadata: Metadata = Field(default_factory=dict)
    prompt_cache_key: Label | None = None
    safety_identifier: Label | None = None
    store: bool = True
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float = Field(1.0, ge=0, le=2)
    top_logprobs: Integer = Field(0, ge=0, le=20)
    top_p: float = Field(1.0, ge=0, le=1)
    user: Label | None = None

    table: ClassVar[Table] = RESPONSES

    @model_validator(mode="after")
    def _hangs_together(self) -> CreateResponse:
        if self.background and not self.store:
            raise BadRequest("background needs store: its result is fetched.", param="background")
        check_include(self.include)
        return self

    @property
    def wants_logprobs(self) -> bool:
        return self.top_logprobs > 0 or INCLUDABLE[0] in self.include

    @property
    def wants_results(self) -> bool:
        return INCLUDABLE[1] in self.include


class CountTokens(Context):
    model: Name | None = None

    table: ClassVar[Table] = COUNT


class Compact(Wire):
    model: Name
    input: RawInput | None = None
    instructions: str | None = None
    previous_response_id: Id | None = None
    prompt_cache_key: Label | None = None

    table: ClassVar[Table] = COMPACT

    @model_validator(mode="after")
    def _something_to_compact(self) -> Compact:
        if not self.input and self.previous_response_id is None:
            raise BadRequest("Missing required parameter: 'input'.", param="input")
        return self


class NewConversation(Wire):
    table: ClassVar[Table] = ITEMS

    items: list[RawItem] | None = Field(None, max_length=20)
    metadata: Metadata = Field(default_factory=dict)


class ChangedConversation(Wire):
    metadata: Metadata


class NewItems(Wire):
    table: ClassVar[Table] = ITEMS

    items: list[RawItem] = Field(min_length=1, max_length=20)


def check_include(include: list[str]) -> None:
    """
    Raises:
        BadRequest: one that OpenAI has not.
    """
    for each in include:
        if each not in INCLUDABLE:
            raise BadRequest(
                f"include: {each[:100]!r} is unknown; take {', '.join(INCLUDABLE)}.",
                param="include",
            )
