"""The tools of one answer: which the model may call, which must be asked for, and what came of it.

A tool of consent `ask` runs for a call that the person has agreed to and for no other; so does one
that acts, in a turn that read what strangers wrote.  The same call twice in one answer runs once.
It refuses to bound a tool: each does that itself (`tools/`).
"""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from fireside.messages import ToolCall
from fireside.tools.running import OURS, Consent, RunnableTool, ToolResult, ToolRun

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.engine.calling import Function

DECLINED: Final = "the person does not want this call, so it did not run."
TOO_MANY: Final = "the answer has made all the calls that it may, so this one did not run."


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the person said to a call that asked."""

    approve: bool
    reason: str | None = None


class Toolbox:
    """
    theirs: names of the caller's own functions, which win over a tool of the same name.
    may_ask: somebody is there to be asked; else tools that ask are not offered.
    max_calls: how many may run, of all.
    """

    def __init__(
        self,
        exchange: Exchange,
        theirs: Collection[str],
        *,
        may_ask: bool = True,
        max_calls: int | None = None,
    ) -> None:
        self._exchange = exchange
        self._may_ask = may_ask
        self._max_calls = max_calls
        self._tools: dict[str, RunnableTool] = {}
        for tool in exchange.tools:
            name = tool.function.name
            if tool.consent != "never" and name not in theirs:
                self._tools.setdefault(name, tool)
        self._known: dict[tuple[str, str], ToolResult] = {}
        self._ran = 0

    @property
    def open(self) -> bool:
        """More calls may run."""
        return self._max_calls is None or self._ran < self._max_calls

    @property
    def offered(self) -> list[Function]:
        tools = self._tools.values() if self.open else ()
        return [t.function for t in tools if self._may_ask or self.consent(t) == "free"]

    def has(self, name: str) -> bool:
        return name in self._tools

    def label(self, name: str) -> str:
        tool = self._tools.get(name)
        return OURS if tool is None else tool.label

    def question(self, name: str, arguments: str) -> str | None:
        """What the person is asked before this call, in the tool's own words."""
        own = getattr(self._tools.get(name), "question", None)
        return None if own is None else str(own(arguments))

    def consent(self, tool: RunnableTool) -> Consent:
        return "ask" if tool.acts and self._exchange.untrusted else tool.consent

    def asks(self, name: str) -> bool:
        tool = self._tools.get(name)
        return tool is not None and self.consent(tool) == "ask"

    def run(
        self, call: ToolCall, at: int, *, approval: str | None = None,
        decision: Decision | None = None,
    ) -> ToolRun:  # fmt: skip
        """
        at: characters of the answer before the call.  approval: the request that `decision`
        answers.
        """
        began = time.perf_counter()
        agreed = decision is None or decision.approve
        outcome = self._outcome(call) if agreed else _declined(decision)
        made = ToolRun(
            id=call.id,
            name=call.name,
            label=self.label(call.name),
            arguments=call.arguments,
            outcome=outcome,
            at=at,
            ms=round(1000 * (time.perf_counter() - began), 1),
            approval=approval,
            declined=not agreed,
        )
        self._exchange.untrusted |= outcome.untrusted
        self._exchange.tool_runs.append(made)
        return made

    def _outcome(self, call: ToolCall) -> ToolResult:
        tool = self._tools.get(call.name)
        if tool is None:
            return ToolResult(error=f"there is no tool {call.name[:64]!r} any more.")
        same = (call.name, call.arguments)
        if same in self._known:
            return replace(self._known[same], receipt={"repeated": True})
        if not self.open:
            return ToolResult(error=TOO_MANY)
        self._ran += 1
        outcome = self._run_masked(tool, call)
        self._known[same] = outcome
        return outcome

    def _run_masked(self, tool: RunnableTool, call: ToolCall) -> ToolResult:
        """The tool gets the values that privacy hides, and what it says of them is hidden again."""
        privacy: Any = self._exchange.results.get("privacy")
        if not hasattr(privacy, "reveal"):
            return tool.run(call.arguments, call_id=call.id)
        outcome = tool.run(privacy.reveal(call.arguments), call_id=call.id)
        error = outcome.error and privacy.hide(outcome.error)
        return replace(outcome, output=privacy.hide(outcome.output), error=error)


def _declined(decision: Decision | None) -> ToolResult:
    reason = f" Their reason: {decision.reason}" if decision and decision.reason else ""
    return ToolResult(error=DECLINED + reason)


def sorted_calls(box: Toolbox, calls: Sequence[ToolCall]) -> tuple[list[ToolCall], list[ToolCall]]:
    """Those that run at once, and those that the person is asked about."""
    return (
        [call for call in calls if not box.asks(call.name)],
        [call for call in calls if box.asks(call.name)],
    )
