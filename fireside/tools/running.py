"""A tool as the answering core runs it: its function, its consent, and the result of a call.

`Bound` makes one of a `Tool` and the context of a turn; tools of MCP servers are the same to the
core.  A tool that fails does not fail the turn: the model reads why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from fireside.tokenizer.call_syntax import Function

Consent = Literal["free", "ask", "never"]
OURS = "fireside"
"""The label of tools that are no MCP server's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of one call.

    output: what the model reads.  error: why there is none; the model reads that instead.
    untrusted: the output is text of strangers: a document, a page, another program.
    receipt: what else the receipt says of it; JSON values only.
    """

    output: str = ""
    error: str | None = None
    untrusted: bool = False
    receipt: Mapping[str, Any] = field(default_factory=dict)

    @property
    def read(self) -> str:
        return self.output if self.error is None else f"Error: {self.error}"


class RunnableTool(Protocol):
    """label: `fireside`, or the name of an MCP server.

    consent: `free` runs at once, `ask` when the person has agreed to this very call, and `never`
        is not offered to the model.
    acts: it changes something outside, so it asks in a turn that read untrusted text.
    """

    @property
    def function(self) -> Function: ...
    @property
    def label(self) -> str: ...
    @property
    def consent(self) -> Consent: ...
    @property
    def acts(self) -> bool: ...

    def run(self, arguments: str, *, call_id: str) -> ToolResult:
        """Bounded in time and size by itself.  call_id: the same for the same call, however often
        it is tried."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRun:
    """One call of the model's that ran here, or may not.

    at: how many characters of the answer had been said before it.
    approval: the request for consent that was answered, where there was one.
    declined: the person did not agree; `outcome` says so to the model.
    """

    id: str
    name: str
    label: str
    arguments: str
    outcome: ToolResult
    at: int = 0
    ms: float = 0.0
    approval: str | None = None
    declined: bool = False

    def as_receipt(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "label": self.label,
            "arguments": self.arguments,
            "output": self.outcome.output,
            "ms": self.ms,
            "at": self.at,
        }
        if self.outcome.error is not None:
            told["error"] = self.outcome.error
        if self.approval is not None:
            told["approval"] = self.approval
        if self.declined:
            told["declined"] = True
        if self.outcome.untrusted:
            told["untrusted"] = True
        return told | {k: v for k, v in self.outcome.receipt.items() if k not in told}
