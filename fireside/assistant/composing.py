"""The prompt of each round of one answer: fitted once, and grown by what the tools gave.

History is left out before the first round only (`budget.py`).  The results of tools may take half
of what the first prompt left free; what is longer is shortened, and a notice says by how much.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.prompt import messages_of, starts_of
from fireside.messages import Message, ToolCall

if TYPE_CHECKING:
    from fireside.assistant.budget import Fit
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.pipeline import Receipt
    from fireside.assistant.toolbox import Decision
    from fireside.engine.calling import Calling

MARGIN: Final = 24  # tokens of the note that something was cut


class Composing:
    """
    waiting: calls of the history that were decided, and have not run.
    notices: what was shortened, one line for each result.
    """

    def __init__(
        self,
        exchange: Exchange,
        fit: Fit,
        calling: Calling,
        decisions: Mapping[str, Decision],
        receipt: Receipt,
    ) -> None:
        """
        Raises:
            ContextOverflow: the prompt does not fit.
        """
        self._cut: dict[str, tuple[str, int, int]] = {}  # by call: its tool, tokens left, of all
        self.first_tokens = 0
        self._exchange = exchange
        self._outputs: dict[str, str] = {}
        self._since: list[Message] = []
        self._rendered: list[int] | None = None
        history = [*exchange.history, exchange.question]
        self.waiting = [
            call for message in history for call in message.tool_calls if call.id in decisions
        ]
        if exchange.reply is None:
            began = time.perf_counter()
            self._fit(fit, calling)
            receipt.note("budget", "window", time.perf_counter() - began, self._fitted(fit))

    def ids(self, calling: Calling) -> list[int]:
        """The prompt of the next round."""
        if self._rendered is not None:
            ids, self._rendered = self._rendered, None
            return ids
        limit = self.first_tokens + (self._exchange.model.context - self.first_tokens) // 2
        ids = self._render(calling, self._exchange.kept_from)
        # A template may need several goes: it adds to what is in a message.
        for _ in range(8):
            if len(ids) <= limit or not self._shorten(len(ids) - limit):
                break
            ids = self._render(calling, self._exchange.kept_from)
        return ids

    def decided(self, call: ToolCall, output: str) -> None:
        self._outputs[call.id] = output
        self._rendered = None

    def add(self, text: str, calls: Sequence[ToolCall], outputs: Sequence[str]) -> None:
        """A round is over: what it said, what it called, and what came of that."""
        if calls:
            said = text if self._since else self._exchange.begun + text
            self._since.append(Message(role="assistant", content=said, tool_calls=tuple(calls)))
        for call, output in zip(calls, outputs, strict=True):
            self._since.append(
                Message(role="tool", content=output, name=call.name, tool_call_id=call.id)
            )

    @property
    def notices(self) -> list[str]:
        return [
            f"The result of {name} was too long for the model's window: {whole - kept} of {whole} "
            "tokens were left out."
            for name, kept, whole in self._cut.values()
        ]

    @property
    def since(self) -> Sequence[Message]:
        """What this answer's earlier rounds said, called and were told."""
        return self._since

    def _render(self, calling: Calling, kept_from: int) -> list[int]:
        since, begun = self._since, self._exchange.begun
        goes_on = bool(begun) and not since
        if goes_on:
            since = [Message(role="assistant", content=begun)]
        messages = messages_of(
            self._exchange, kept_from=kept_from, outputs=self._outputs, since=since
        )
        tokenizer = self._exchange.model.tokenizer
        return calling.render(tokenizer, messages, continue_final=goes_on).ids

    def _fit(self, fit: Fit, calling: Calling) -> None:
        rendered: dict[int, list[int]] = {}

        def size(cut: int) -> int:
            if cut not in rendered:
                rendered[cut] = self._render(calling, cut)
            return len(rendered[cut])

        exchange = self._exchange
        starts = starts_of([*exchange.history, exchange.question])
        # `least` counts in the history as it was before a summary took its beginning.
        fit = replace(fit, least=max(0, fit.least - exchange.summarised))
        exchange.kept_from = fit.cut(starts, size, model=exchange.model.name)
        size(exchange.kept_from)
        self.first_tokens = len(rendered[exchange.kept_from])
        self._rendered = rendered[exchange.kept_from]

    def _fitted(self, fit: Fit) -> dict[str, Any]:
        return {
            "window": fit.budget.window,
            "reserve": fit.budget.reserve,
            "tokens": self.first_tokens,
            "left_out": self._exchange.kept_from,
        }

    def _shorten(self, excess: int) -> bool:
        """Cut the longest result by so many tokens; False where there is none to cut."""
        tokenizer = self._exchange.model.tokenizer
        longest: tuple[int, int] | None = None
        encoded: list[int] = []
        for place, message in enumerate(self._since):
            if message.role == "tool":
                ids = tokenizer.encode(message.content)
                if longest is None or len(ids) > longest[0]:
                    longest, encoded = (len(ids), place), ids
        if longest is None or longest[0] <= MARGIN:
            return False
        size, place = longest
        old = self._since[place]
        kept = max(0, size - excess - MARGIN)
        _, _, whole = self._cut.get(old.tool_call_id or "", ("", 0, size))
        self._cut[old.tool_call_id or ""] = (old.name or "", kept, whole)
        note = f"[cut: {whole - kept} of {whole} tokens]"
        text = f"{tokenizer.decode(encoded[:kept])}\n{note}" if kept else note
        self._since[place] = Message(
            role="tool", content=text, name=old.name, tool_call_id=old.tool_call_id
        )
        return True
