"""One answer, whatever drives it: rounds of the model and of the tools that it calls.

    while (generation := core.begin()) is not None:      # blocking: tools run in it
        for event in generation:
            core.feed(event) -> pieces
        core.ended() -> pieces
    (core.waiting() -> the pieces that `begin` made)

It does no waiting of its own, so the same core serves a thread and an event loop
(`driving.py`), and a test can feed it letter by letter.  What it gives out is never taken
back: filters and the parser of calls hold text until it is certain.  It knows of no rows, and not
who listens.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from fireside.assistant.composing import Composing
from fireside.assistant.endings import early_end, guard_of, limit_of
from fireside.assistant.pieces import Asked, Called, Notice, Piece, ToolEnded, ToolStarted
from fireside.assistant.pipeline import Pipeline, Receipt, note_after, run_after
from fireside.assistant.saying import Saying
from fireside.assistant.toolbox import Toolbox, sorted_calls
from fireside.engine.calling import (
    Arguments,
    CallEnded,
    CallEvent,
    CallParser,
    CallStarted,
    Choice,
    Text,
    calling_for,
)
from fireside.messages import ToolCall

if TYPE_CHECKING:
    from fireside.assistant.exchange import Exchange
    from fireside.assistant.wanted import Wanted
    from fireside.engine.calling import Calling, Function
    from fireside.engine.text import Generation, TextEvent, Usage
    from fireside.tools.running import ToolRun

ROUNDS: Final = 8
"""Of tools in one answer; after them the model has to answer without."""

WHOLE: Final = frozenset({"stop", "length", "tool_calls", "content_filter", "asks", "repetition"})
"""Ends after which an answer is looked at and remembered."""

NOT_DONE: Final = "All right: nothing was done."
"""What a person hears who said no to a call."""


class Answering:
    """
    exchange: after the steps before `generate`.
    reason: how the round that is over ended, in the engine's words.
    functions: those that the last prompt showed.  constrained: the first round is held to a shape.
    """

    def __init__(
        self, exchange: Exchange, wanted: Wanted, pipeline: Pipeline, receipt: Receipt
    ) -> None:
        """Slow: renders the prompt.

        Raises:
            ContextOverflow: it does not fit.
            BadRequest: tools or choice are wrong, or the template refuses the messages.
        """
        self.exchange = exchange
        self.receipt = receipt
        self.generation: Generation | None = None
        self.reason: str | None = None
        self.cancelled = False
        self.functions: Sequence[Function] = ()
        self.wanted = wanted
        self._pipeline = pipeline
        self._box = Toolbox(
            exchange, {each.name for each in wanted.functions}, may_ask=wanted.may_ask,
            max_calls=wanted.max_calls,
        )  # fmt: skip
        self._saying = Saying(exchange, guard_of(exchange, wanted))
        self._limit = limit_of(exchange, wanted)
        self._made: list[Piece] = []
        self._rounds: list[Generation] = []
        self._over = False
        self._began = time.perf_counter()
        self._calls: list[ToolCall] = []  # of this round, ours
        self._theirs = False  # a function of the caller's was called in this round
        self._call: list[str] | None = None  # id, name, arguments of the call of ours that is open
        self._round_text = len(exchange.answer)
        self._asked: list[ToolCall] = []
        calling = self._calling()
        self.constrained = calling.constraint is not None
        self.composing = Composing(exchange, wanted.fit, calling, wanted.decisions, receipt)
        self._parser: CallParser | None = None

    # -- driving --------------------------------------------------------------------------

    def begin(self) -> Generation | None:
        """The next generation, after the tools that it needs; None when the answer is over.

        Blocking.  Raises: as `TextModel.generate`.
        """
        if self._over:
            return None
        if not self._rounds and self.exchange.reply is not None:
            self._made += [*self._saying.say(self.exchange.reply), *self._saying.flush()]
            self._close("stop")
            return None
        if self.cancelled:
            self._close("cancelled")
            return None
        if not self._rounds:
            self._run_decided()
            if self.exchange.says_results and self.composing.waiting:
                self._close("stop")
                return None
            if self.exchange.calls:
                self._run_called()
                return None
        elif not self._goes_on():
            self._close(self._end())
            return None
        return self._generate()

    def waiting(self) -> list[Piece]:
        """The pieces that `begin` made."""
        made, self._made = self._made, []
        return made

    def feed(self, event: TextEvent) -> list[Piece]:
        """The pieces that are certain with this event."""
        assert self._parser is not None
        self.reason = event.finish_reason or self.reason
        self._saying.heard(event.tokens)
        made = [piece for part in self._parser.feed(event.text) for piece in self._take(part)]
        if self._saying.over and event.finish_reason is None and self.generation is not None:
            self.generation.cancel()
        return made

    def ended(self) -> list[Piece]:
        """The generation is over: what was held back, and the tools that run next."""
        assert self._parser is not None
        made = [piece for part in self._parser.finish() for piece in self._take(part)]
        made += self._saying.flush(is_cut=self.reason == "length")
        if self.reason == "stop" and not self._saying.over:
            made += self._checked()
            now, asked = sorted_calls(self._box, self._calls)
            made += [ToolStarted(call=self._called(call)) for call in now]
            made += [Asked(call=self._called(call)) for call in asked]
            self._asked = asked
        else:
            self._calls = []
        return made

    def cancel(self) -> None:
        """Stop; what was said stays.  Callable from any thread."""
        self.cancelled = True
        if self.generation is not None:
            self.generation.cancel()

    # -- what it came to ------------------------------------------------------------------

    @property
    def over(self) -> bool:
        return self._over

    @property
    def asked(self) -> list[Called]:
        """The calls that wait for the person."""
        return [self._called(call) for call in self._asked]

    @property
    def generations(self) -> Sequence[Generation]:
        return self._rounds

    @property
    def usage(self) -> Usage:
        """Of all rounds together."""
        from fireside.engine.text import Usage

        each = [generation.usage for generation in self._rounds]
        return Usage(
            prompt_tokens=sum(usage.prompt_tokens for usage in each),
            cached_tokens=sum(usage.cached_tokens for usage in each),
            completion_tokens=sum(usage.completion_tokens for usage in each),
        )

    # -- a round --------------------------------------------------------------------------

    def _generate(self) -> Generation:
        calling = self._calling()
        ids = self.composing.ids(calling)
        params = replace(
            self.wanted.params,
            max_tokens=self._left(len(ids)),
            constraint=calling.constraint,
            shown_ids=calling.shown_ids,
        )
        model = self.exchange.model
        self.functions = calling.functions
        self._parser, self._calls, self._theirs, self._call = calling.parser(), [], False, None
        self._round_text, self.reason = len(self.exchange.answer), None
        if self._rounds:
            self._saying.broken()
        self.generation = model.generate(ids, params, owner=self.exchange.owner)
        self._rounds.append(self.generation)
        if self.cancelled:  # while it was submitted
            self.generation.cancel()
        return self.generation

    def _calling(self) -> Calling:
        wanted, first = self.wanted, not self._rounds and not self.wanted.decisions
        ours = self._box.offered if len(self._rounds) < ROUNDS else []
        choice = wanted.choice
        if choice.mode == "none":
            ours = []
        elif choice.mode == "required" and not first:
            choice = Choice()  # it has called
        if choice.names is not None and not first:
            choice = replace(choice, names=None)
        functions = (*wanted.functions, *ours)
        return calling_for(
            self.exchange.model.tokenizer,
            functions,
            choice if functions or first else Choice(),
            parallel=True if self.exchange.knows_tools else wanted.parallel,
            shape=wanted.shape,
            described=not self.exchange.knows_tools,
        )

    def _left(self, prompt_tokens: int) -> int | None:
        """Tokens for this round; None is the rest of the window."""
        if self._limit is None:
            return None
        room = self.exchange.model.context - prompt_tokens
        return max(1, min(self._limit - self.usage.completion_tokens, room))

    def _take(self, part: CallEvent) -> list[Piece]:
        match part:
            case Text(text=text):
                return self._saying.say(text)
            case CallStarted(id=call_id, name=name):
                made = self._saying.flush()
                self._saying.broken()
                if self._box.has(name):
                    self._call = [call_id, name, ""]
                    return made
                self._theirs = True
                return [*made, part]
            case Arguments(text=text) if self._call is not None:
                self._call[2] += text
                return []
            case CallEnded() if self._call is not None:
                call_id, name, arguments = self._call
                self._calls.append(ToolCall(id=call_id, name=name, arguments=arguments))
                self._call = None
                return []
            case _:
                return [part]

    # -- tools ----------------------------------------------------------------------------

    def _run_decided(self) -> None:
        """The calls of the history that the person has answered."""
        for call in self.composing.waiting:
            decision = self.wanted.decisions[call.id]
            if decision.approve:
                self._made.append(ToolStarted(call=self._called(call), approval=call.id))
            ran = self._box.run(call, 0, approval=call.id, decision=decision)
            self._made.append(ToolEnded(run=ran))
            self.composing.decided(call, ran.outcome.read)
            if self.exchange.says_results:
                self._made += self._result(ran)

    def _run_called(self) -> None:
        """The calls that a step made: they run or ask, and what they give is the answer."""
        self._calls = list(self.exchange.calls)
        now, asked = sorted_calls(self._box, self._calls)
        self._made += [ToolStarted(call=self._called(call)) for call in now]
        self._goes_on()
        self._made += [Asked(call=self._called(call)) for call in asked]
        self._asked = asked
        self._close("asks" if asked else "stop")

    def _checked(self) -> list[Piece]:
        """What is said in the place of calls that a step does not let run."""
        check = self.exchange.check_calls
        if check is None or not (self._calls or not self.exchange.answer):
            return []
        refusal = check(self._calls)
        if refusal is None:
            return []
        self._calls = []
        return [*self._saying.say(refusal), *self._saying.flush()]

    def _result(self, ran: ToolRun) -> list[Piece]:
        """A result as the person reads it."""
        text = NOT_DONE if ran.declined else ran.outcome.error or ran.outcome.output
        gap = "\n" if self.exchange.answer else ""
        return [*self._saying.say(gap + text), *self._saying.flush()]

    def _goes_on(self) -> bool:
        """Run what was called, and say whether the model goes on."""
        now, asked = sorted_calls(self._box, self._calls)
        if self.cancelled or self._saying.over or not (now or asked):
            return False
        outputs = []
        for call in now:
            ran = self._box.run(call, len(self.exchange.answer))
            self._made.append(ToolEnded(run=ran))
            outputs.append(ran.outcome.read)
            if self.exchange.says_results:
                self._made += self._result(ran)
        text = self.exchange.answer[self._round_text :].lstrip()
        self.composing.add(text, now, outputs)
        return not (asked or self._theirs or self.cancelled or self.exchange.says_results)

    def _called(self, call: ToolCall) -> Called:
        return Called(
            id=call.id,
            name=call.name,
            label=self._box.label(call.name),
            arguments=call.arguments,
            question=self._box.question(call.name, call.arguments),
        )

    # -- the end --------------------------------------------------------------------------

    def _end(self) -> str | None:
        if self._saying.over:
            return "repetition" if self._saying.repetition else "content_filter"
        if self.cancelled:
            return "cancelled"
        if self.reason == "stop" and self._asked:
            return "asks"
        if self.reason == "stop" and self._theirs:
            return "tool_calls"
        return self.reason

    def _close(self, reason: str | None) -> None:
        self._over = True
        self.reason = self.exchange.finish_reason = reason
        told: dict[str, Any] = {"rounds": len(self._rounds), "limit": self._limit}
        if self._saying.repetition is not None:
            told["repetition"] = self._saying.repetition.as_receipt()
        self.receipt.note("generate", "model", time.perf_counter() - self._began, told)
        self.exchange.notices += self.composing.notices
        if not self.wanted.is_raw:
            self.exchange.notices += early_end(self, self._limit)
        if reason in WHOLE:
            run_after(self._pipeline.after, self.exchange, self.receipt)
        note_after(self.exchange, self.receipt)
        self._made += [Notice(text=text) for text in self.exchange.notices]
