"""An answer's text, as it comes, to what it is: text and function calls.

The engine's mask has held the answer to the family's syntax (`call_syntax.py`), so reading it takes
no guessing; text that departs from it all the same (a model that is not held) stays text.  It
refuses to call a call whole before its arguments are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from fireside.tokenizer.call_syntax import CallSyntax


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The model calls `name`; index counts the calls of one answer."""

    index: int
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """A further piece of a call's JSON text."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The arguments are whole."""

    index: int


CallEvent = Text | CallStarted | Arguments | CallEnded

_NOT_PLAIN = re.compile(r'["\\{}\[\]]')


class CallParser:
    """One answer's.  syntax: None where there is nothing to call: all is text.

    calls: how many have begun.  unfinished: the last one's arguments are not whole.
    """

    def __init__(self, syntax: CallSyntax | None) -> None:
        self._syntax = syntax
        self._buffer = ""
        self._step: Callable[[], list[CallEvent] | None] = self._plain if not syntax else self._text
        self._depth = 0
        self._in_string = self._escaped = False
        self.calls = 0
        self.unfinished = False

    def feed(self, text: str) -> list[CallEvent]:
        """What is certain by now; the events of all pieces, one after another, are those of the
        whole (pieces of text and of arguments joined)."""
        self._buffer += text
        events: list[CallEvent] = []
        while (made := self._step()) is not None:
            events += made
        return events

    def finish(self) -> list[CallEvent]:
        """What was held back: text that looked like the beginning of a call."""
        left, self._buffer = self._buffer, ""
        if left and self._step in (self._text, self._plain):
            return [Text(left)]
        return []

    # Each step takes from the buffer what it understands; None asks for more text.

    def _plain(self) -> list[CallEvent] | None:
        if not self._buffer:
            return None
        text, self._buffer = self._buffer, ""
        return [Text(text)]

    def _text(self) -> list[CallEvent] | None:
        syntax, buffer = self._known, self._buffer
        if syntax.instead_of_text:
            if syntax.opening.startswith(buffer[: len(syntax.opening)]):
                return self._opened("") if len(buffer) >= len(syntax.opening) else None
            self._step = self._plain
            return []
        at = buffer.find(syntax.opening)
        if at >= 0:
            return self._opened(buffer[:at].rstrip())
        shown = len(buffer) - _held(buffer, syntax.opening)
        if not shown:
            return None
        self._buffer = buffer[shown:]
        return [Text(buffer[:shown])]

    def _opened(self, before: str) -> list[CallEvent]:
        at = self._buffer.index(self._known.opening)
        self._buffer = self._buffer[at + len(self._known.opening) :]
        self._expect(self._known.lead + self._known.before_name, self._name)
        return [Text(before)] if before else []

    def _expect(self, literal: str, then: Callable[[], list[CallEvent] | None]) -> None:
        """The next step: exactly this text, and `then`."""

        def step() -> list[CallEvent] | None:
            if self._buffer.startswith(literal):
                self._buffer = self._buffer[len(literal) :]
                self._step = then
                return []
            if literal.startswith(self._buffer):
                return None
            self._step = self._plain
            return []

        self._step = step

    def _name(self) -> list[CallEvent] | None:
        ends = self._buffer.find(self._known.before_arguments)
        if ends < 0:
            return None
        name, self._buffer = self._buffer[:ends], self._buffer[ends:]
        self.calls += 1
        self.unfinished = True
        self._expect(self._known.before_arguments, self._arguments)
        return [CallStarted(self.calls - 1, self._known.new_id(), name)]

    def _arguments(self) -> list[CallEvent] | None:
        """Up to the brace that closes the object."""
        if not self._buffer:
            return None
        end = self._end_of_object()
        whole = end is not None
        end = len(self._buffer) if end is None else end
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        index = self.calls - 1
        if not whole:
            return [Arguments(index, text)]
        self.unfinished = False
        self._expect(self._known.after_arguments, self._after_call)
        return [Arguments(index, text), CallEnded(index)]

    def _end_of_object(self) -> int | None:
        at = 0
        while at < len(self._buffer):
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            mark = _NOT_PLAIN.search(self._buffer, at)
            if mark is None:
                return None
            at = mark.end()
            self._read(mark.group())
            if not self._depth and not self._in_string:
                return at
        return None

    def _read(self, mark: str) -> None:
        if mark == '"':
            self._in_string = not self._in_string
        elif self._in_string:
            self._escaped = mark == "\\"
        elif mark in "{[":
            self._depth += 1
        elif mark in "}]":
            self._depth -= 1

    def _after_call(self) -> list[CallEvent] | None:
        between = self._known.between
        if not self._buffer or (
            between and between != self._buffer != "" and between.startswith(self._buffer)
        ):
            return None
        if between and self._buffer.startswith(between):
            self._buffer = self._buffer[len(between) :]
            self._expect(self._known.before_name, self._name)
        else:
            self._expect(self._known.closing, self._rest)
        return []

    def _rest(self) -> list[CallEvent] | None:
        """After the last call nothing is said; white space is nothing."""
        self._buffer = self._buffer.lstrip()
        return self._plain()

    @property
    def _known(self) -> CallSyntax:
        assert self._syntax is not None
        return self._syntax


def _held(text: str, opening: str) -> int:
    """How much of the end of a text may belong to a call: white space and a part of `opening`."""
    part = next(
        (size for size in range(min(len(opening) - 1, len(text)), 0, -1)
         if text.endswith(opening[:size])),
        0,
    )  # fmt: skip
    before = text[: len(text) - part]
    return part + len(before) - len(before.rstrip())
