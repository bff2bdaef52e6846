"""What a client may send to `/v1/chat/completions`.

Shapes only: `sampling.py` and `chat_tools.py` give them meaning, and `openai_parameters.py` has
the parameters that do nothing here.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from fireside.errors import BadRequest
from fireside.server.body import Wire
from fireside.server.chat_messages import ChatMessage
from fireside.server.chat_tools import FunctionCall, Functions, ToolChoice, Tools
from fireside.server.openai_parameters import CHAT
from fireside.server.parameters import Table
from fireside.server.wire import Integer, Label, Metadata, Sampling, Whole


class JsonSchema(Wire):
    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    description: str | None = None
    schema_: dict[str, Any] = Field(alias="schema")
    strict: bool | None = None


class ResponseFormat(Wire):
    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None

    @model_validator(mode="after")
    def _schema_goes_with_its_type(self) -> ResponseFormat:
        if (self.type == "json_schema") != (self.json_schema is not None):
            raise BadRequest(
                "json_schema goes with the type json_schema, and only with it.",
                param="response_format",
            )
        return self


class ChatCompletionRequest(Sampling):
    messages: list[ChatMessage] = Field(min_length=1)
    max_tokens: Annotated[Whole, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[Whole, Field(ge=1)] | None = None
    logprobs: bool = False
    top_logprobs: Integer = Field(0, ge=0, le=20)
    response_format: ResponseFormat | None = None
    tools: Tools = Field(default_factory=list)
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    functions: Functions = Field(default_factory=list)
    function_call: FunctionCall | None = None
    store: bool = False
    metadata: Metadata = Field(default_factory=dict)
    safety_identifier: Label | None = None
    prompt_cache_key: Label | None = None

    table: ClassVar[Table] = CHAT

    @model_validator(mode="after")
    def _hangs_together(self) -> ChatCompletionRequest:
        if self.top_logprobs and not self.logprobs:
            raise BadRequest("top_logprobs needs logprobs: true.", param="top_logprobs")
        limits = {self.max_tokens, self.max_completion_tokens} - {None}
        if len(limits) > 1:
            raise BadRequest(
                "max_tokens and max_completion_tokens differ; send one of them.", param="max_tokens"
            )
        if self.messages[-1].role == "user" and not self.messages[-1].text:
            raise BadRequest(
                "The last message is empty; there is nothing to answer.", param="messages"
            )
        return self

    @property
    def constrained_by(self) -> str | None:
        if self.tools or self.functions:
            return "tools" if self.tools else "functions"
        return super().constrained_by or ("response_format" if self.response_format else None)

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens
