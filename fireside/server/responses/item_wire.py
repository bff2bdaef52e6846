"""The shapes of the items that a client may send, kind by kind.

Every kind that is text; what an item means is `items.py`'s business.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from fireside.server.body import Wire
from fireside.server.openapi import Described
from fireside.server.responses.wire import Id
from fireside.server.wire import Label

Status = Literal["in_progress", "completed", "incomplete"]


class InputText(Wire):
    type: Literal["input_text"]
    text: str


class OutputText(Wire):
    type: Literal["output_text"]
    text: str
    annotations: list[dict[str, Any]] = Field(default_factory=list)
    logprobs: list[dict[str, Any]] = Field(default_factory=list)


class Refusal(Wire):
    type: Literal["refusal"]
    refusal: str


class MessageItem(Wire):
    """content: null is none, as of an answer that only called."""

    nulls: ClassVar[frozenset[str]] = frozenset({"content"})

    type: Literal["message"] = "message"
    role: Literal["user", "assistant", "system", "developer"]
    content: str | list[Annotated[Any, Described(lambda: InputText | OutputText | Refusal)]] | None
    id: Id | None = None
    status: Status = "completed"
    phase: Literal["commentary", "final_answer"] | None = None


class FunctionCall(Wire):
    type: Literal["function_call"]
    call_id: Id
    name: Annotated[str, Field(min_length=1, max_length=128)]
    arguments: str = ""
    id: Id | None = None
    status: Status = "completed"


class FunctionCallOutput(Wire):
    type: Literal["function_call_output"]
    call_id: Id
    output: str | list[Annotated[Any, Described(lambda: InputText)]] = ""
    id: Id | None = None
    status: Status = "completed"
    name: str | None = None


class SummaryText(Wire):
    type: Literal["summary_text"]
    text: str


class ReasoningText(Wire):
    type: Literal["reasoning_text"]
    text: str


class ReasoningItem(Wire):
    type: Literal["reasoning"]
    summary: list[SummaryText] = Field(default_factory=list)
    id: Id | None = None
    content: list[ReasoningText] = Field(default_factory=list)
    status: Status = "completed"


class FileSearchCall(Wire):
    type: Literal["file_search_call"]
    queries: list[str]
    id: Id | None = None
    status: Literal["in_progress", "searching", "completed", "incomplete", "failed"] = "completed"
    results: list[dict[str, Any]] | None = None


class CompactionItem(Wire):
    type: Literal["compaction"]
    encrypted_content: str
    id: Id | None = None


class McpCall(Wire):
    """A tool that ran on a server: its call and what came of it."""

    type: Literal["mcp_call"]
    name: Annotated[str, Field(min_length=1, max_length=128)]
    server_label: Label
    arguments: str = ""
    id: Id | None = None
    output: str | None = None
    error: dict[str, Any] | str | None = None
    approval_request_id: Id | None = None
    status: Literal["in_progress", "completed", "incomplete", "calling", "failed"] = "completed"


class McpApprovalRequest(Wire):
    """The id is what an answer refers to, so it is not made up here."""

    type: Literal["mcp_approval_request"]
    id: Id
    name: Annotated[str, Field(min_length=1, max_length=128)]
    server_label: Label
    arguments: str


class McpApprovalResponse(Wire):
    type: Literal["mcp_approval_response"]
    approval_request_id: Id
    approve: bool
    id: Id | None = None
    reason: Annotated[str, Field(max_length=2000)] | None = None


class McpListTools(Wire):
    type: Literal["mcp_list_tools"]
    server_label: Label
    tools: Annotated[list[dict[str, Any]], Field(max_length=1000)]
    id: Id | None = None
    error: dict[str, Any] | str | None = None


class ItemReference(Wire):
    type: Literal["item_reference"] = "item_reference"
    id: Id
