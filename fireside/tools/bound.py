"""A tool bound to the context of its turn: a `RunnableTool` of the answering core.

The core has asked for consent before `run` is called.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fireside.errors import BadRequest
from fireside.safety.injection import marked
from fireside.tokenizer.call_syntax import Function
from fireside.tools.calls import call, parsed
from fireside.tools.registry import question
from fireside.tools.running import OURS, Consent, ToolResult
from fireside.tools.tool import Tool, ToolContext

ALREADY: Final = {"name", "call_id", "arguments", "ms", "untrusted", "error"}
"""What the core itself writes into the receipt of a call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoundTool:
    """context: the turn's; each call gets its own copy with its call id."""

    tool: Tool
    context: ToolContext

    @property
    def function(self) -> Function:
        return self.tool.function

    @property
    def label(self) -> str:
        return self.tool.source

    @property
    def consent(self) -> Consent:
        return self.tool.consent

    @property
    def acts(self) -> bool:
        return self.tool.acts

    def question(self, arguments: str) -> str:
        """What a person is asked before this call, on one line."""
        try:
            return question(self.tool, parsed(self.tool, arguments), self.context)
        except BadRequest as error:
            return f"Run {self.tool.name}? ({error.message})"

    @property
    def _source(self) -> str:
        ours = self.tool.source == OURS
        return self.tool.name if ours else f"{self.tool.source}, {self.tool.name}"

    def run(self, arguments: str, *, call_id: str) -> ToolResult:
        called = call(self.tool, arguments, self.context.for_call(call_id))
        told = called.as_receipt()
        text, error = called.outcome.text, called.outcome.error
        if called.outcome.untrusted:
            text = marked(text, self._source)
            if error is not None:
                error = f"the tool failed; its own words follow.\n{marked(error, self._source)}"
        return ToolResult(
            output=text,
            error=error,
            untrusted=called.outcome.untrusted,
            receipt={name: value for name, value in told.items() if name not in ALREADY},
        )
