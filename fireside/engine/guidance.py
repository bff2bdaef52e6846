"""Structured answers: which tokens may come next, by llguidance.

A constraint is compiled in a worker thread, never in the engine's; each candidate owns a matcher.
What cannot be compiled, or takes longer than COMPILE_SECONDS, is a BadSchema that says why; since a
thread cannot be stopped, what may take long is tried in another process first (`probing.py`).
Nothing is loosened silently: a schema keyword that llguidance cannot enforce is an error.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING

from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from fireside.engine.closing import Closer
from fireside.engine.described import Described, described_line
from fireside.engine.matcher import Matcher, Vocabulary, bad_schema
from fireside.engine.params import Constraint
from fireside.engine.probing import Probe
from fireside.engine.schemas import COMPACT, prepare
from fireside.engine.tame import is_tame
from fireside.errors import BadSchema

if TYPE_CHECKING:
    from llguidance._lib import JsonCompileOptions

COMPILE_SECONDS = 2.0
PROBE_SECONDS = 1.2
"""Of these, for the trial in another process; what takes it less takes as little again here."""
WORKERS = 2
STACK = 64 << 20
"""Bytes of a worker's stack, eight times the trial's: what was no too deep there is not here."""
MAX_GRAMMAR = 1 << 20
STRICTLY: JsonCompileOptions = {"lenient": False, "coerce_one_of": False, **COMPACT}  # type: ignore[typeddict-item]


_building_threads = Lock()  # a stack's size is set for all threads that begin meanwhile


class Compilation:
    """A constraint on its way to a matcher."""

    def __init__(self) -> None:
        self.future: Future[Matcher] | None = None
        self.started: float | None = None

    @property
    def over(self) -> bool:
        """It is done, or has had its time."""
        assert self.future is not None
        return self.future.done() or self._late()

    @property
    def seconds_left(self) -> float:
        """Until it has had its time, as far as can be said now."""
        if self.started is None:
            return COMPILE_SECONDS
        return max(0.0, self.started + COMPILE_SECONDS - time.monotonic())

    def result(self) -> Matcher:
        """Raises BadSchema: it cannot be compiled, or not in time."""
        assert self.future is not None
        if not self.future.done():
            raise BadSchema(
                f"The constraint takes more than {COMPILE_SECONDS:g} s to compile: simplify it.",
                param="constraint",
            )
        return self.future.result()

    def _late(self) -> bool:
        return self.started is not None and time.monotonic() > self.started + COMPILE_SECONDS


class Guide:
    """Compiles constraints for one model.

    Args:
        vocabulary: the model's tokenizer.
        vocab_size: the model's, which may be more than the tokenizer's.
    """

    def __init__(self, vocabulary: Vocabulary, vocab_size: int) -> None:
        self._vocabulary = vocabulary
        self._vocab_size = vocab_size
        self._eos_ids = frozenset(vocabulary.eos_ids)
        self._tokenizer: LLTokenizer | None = None
        self._closer: Closer | None = None
        self._building = Lock()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="fireside-guide")
        self._probe = Probe(lambda: described_line(Described(vocabulary), self._eos_ids))

    def compile(self, constraint: Constraint, when_done: Callable[[], None]) -> Compilation:
        """Begin to compile; `when_done` is called, in some thread, when it is."""
        compilation = Compilation()

        def work() -> Matcher:
            tokenizer = self._ready_tokenizer()  # half a second once, and no fault of the caller's
            tame = constraint.tame or is_tame(constraint)
            if not tame:
                self._probe.start()
            compilation.started = time.monotonic()
            if not tame and (wrong := self._probe.check(_grammar(constraint), PROBE_SECONDS)):
                raise bad_schema(wrong)
            return self._compile(constraint, tokenizer)

        with _building_threads:
            before = threading.stack_size(STACK)
            compilation.future = self._workers.submit(work)
            threading.stack_size(before)
        compilation.future.add_done_callback(lambda _: when_done())
        return compilation

    def close(self) -> None:
        """End the other process; a later constraint starts it again."""
        self._probe.close()

    def _compile(self, constraint: Constraint, tokenizer: LLTokenizer) -> Matcher:
        try:
            matcher = LLMatcher(tokenizer, _grammar(constraint), log_level=0)
        except (TypeError, ValueError) as error:
            raise bad_schema(str(error)) from None
        if matcher.is_error():
            raise bad_schema(matcher.get_error())
        # The lexer is built with the first mask: here, not in the engine.
        matcher.compute_bitmask()
        if matcher.is_error():
            raise bad_schema(matcher.get_error())
        is_json = constraint.kind == "json_schema"
        return Matcher(
            matcher, vocab_size=self._vocab_size, eos_ids=self._eos_ids,
            closer=self._ready_closer() if is_json else None,
        )  # fmt: skip

    def _ready_closer(self) -> Closer:
        with self._building:
            if self._closer is None:
                self._closer = Closer(self._vocabulary)
            return self._closer

    def _ready_tokenizer(self) -> LLTokenizer:
        with self._building:
            if self._tokenizer is None:
                wrapper = TokenizerWrapper(Described(self._vocabulary))
                self._tokenizer = LLTokenizer(wrapper, eos_token=sorted(self._eos_ids) or None)
            return self._tokenizer


def _grammar(constraint: Constraint) -> str:
    try:
        made = _made(constraint)
    except RecursionError:
        raise BadSchema("The schema is nested too deep.", param="constraint") from None
    if len(made) > MAX_GRAMMAR:
        raise BadSchema(
            f"The constraint is larger than {MAX_GRAMMAR >> 20} MiB.", param="constraint"
        )
    return made


def _made(constraint: Constraint) -> str:
    kind, value = constraint.kind, constraint.value
    if kind == "json_schema" and isinstance(value, Mapping | bool):
        if value is False:
            raise BadSchema("The schema false matches nothing.", param="constraint")
        schema = json.dumps({} if value is True else prepare(value))
        return str(LLMatcher.grammar_from_json_schema(schema, overrides=STRICTLY))
    if kind == "choice" and isinstance(value, tuple) and value:
        return str(LLMatcher.grammar_from_regex("|".join(map(_literal, value))))
    if kind == "regex" and isinstance(value, str):
        return str(LLMatcher.grammar_from_regex(value))
    if kind == "lark" and isinstance(value, str):
        return str(LLMatcher.grammar_from_lark(value))
    raise BadSchema(
        f"A {kind} constraint cannot be made of {type(value).__name__} {value!r:.50}.",
        param="constraint",
    )


def _literal(text: str) -> str:
    """A regular expression that matches this text alone."""
    return "".join(c if c.isascii() and c.isalnum() else f"\\x{{{ord(c):x}}}" for c in text)
