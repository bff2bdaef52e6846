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
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Bool
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from fireside.engine.params import Constraint
from fireside.engine.probing import Probe
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
STRICTLY: JsonCompileOptions = {"lenient": False, "coerce_one_of": False}


_building_threads = Lock()  # a stack's size is set for all threads that begin meanwhile


class Vocabulary(Protocol):
    """What llguidance must know of a tokenizer; `fireside.tokenizer.Tokenizer` is one."""

    vocab_size: int
    bos_id: int | None

    @property
    def eos_ids(self) -> Collection[int]: ...
    @property
    def special_ids(self) -> Collection[int]: ...
    def token_bytes(self, token_id: int, /) -> bytes: ...
    def encode(self, text: str, /) -> list[int]: ...


class Matcher:
    """Where one candidate stands in its grammar."""

    __slots__ = ("_eos_ids", "_matcher", "_vocab_size")

    def __init__(self, matcher: LLMatcher, *, vocab_size: int, eos_ids: frozenset[int]) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size
        self._eos_ids = eos_ids

    def branch(self) -> Matcher:
        """The same place, for another candidate."""
        return Matcher(
            self._matcher.deep_copy(), vocab_size=self._vocab_size, eos_ids=self._eos_ids
        )

    @property
    def complete(self) -> bool:
        """The grammar is matched, and nothing more may follow."""
        return bool(self._matcher.is_stopped())

    def advance(self, token_id: int) -> None:
        """The candidate goes on with this token."""
        self._matcher.consume_token(token_id)
        self._check()

    def valid(self, proposals: Sequence[int]) -> int:
        """How many of these tokens, one after another, the grammar allows before its end."""
        count: int = self._matcher.validate_tokens(list(proposals))
        for i, token_id in enumerate(proposals[:count]):
            if token_id in self._eos_ids:
                return i
        return count

    def masks(self, proposals: Sequence[int]) -> list[Bool[np.ndarray, "V"]]:
        """What may come next, and what after each of the proposals, which must be `valid`."""
        masks = [self._mask()]
        for token_id in proposals:
            self._matcher.consume_token(token_id)
            masks.append(self._mask())
        if proposals:
            self._matcher.rollback(len(proposals))
        return masks

    def _mask(self) -> Bool[np.ndarray, "V"]:
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        mask = np.unpackbits(bits, bitorder="little")[: self._vocab_size]
        if len(mask) < self._vocab_size:  # a model may have rows that its tokenizer lacks
            mask = np.pad(mask, (0, self._vocab_size - len(mask)))
        return mask.view(np.bool_)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise _bad_schema(self._matcher.get_error())


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
        self._building = Lock()
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="fireside-guide")
        self._probe = Probe(lambda: _described_line(_Described(vocabulary), self._eos_ids))

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
                raise _bad_schema(wrong)
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
            raise _bad_schema(str(error)) from None
        if matcher.is_error():
            raise _bad_schema(matcher.get_error())
        compiled = Matcher(matcher, vocab_size=self._vocab_size, eos_ids=self._eos_ids)
        compiled.masks(())  # the lexer is built with the first mask: here, not in the engine
        return compiled

    def _ready_tokenizer(self) -> LLTokenizer:
        with self._building:
            if self._tokenizer is None:
                wrapper = TokenizerWrapper(_Described(self._vocabulary))
                self._tokenizer = LLTokenizer(wrapper, eos_token=sorted(self._eos_ids) or None)
            return self._tokenizer


class _Described:
    """A vocabulary under the names that llguidance's TokenizerWrapper reads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.eos_token_id = min(vocabulary.eos_ids, default=0)
        self.bos_token_id = vocabulary.bos_id
        self.special_token_ids = sorted(vocabulary.special_ids)
        self.tokens = [vocabulary.token_bytes(i) for i in range(vocabulary.vocab_size)]
        self._vocabulary = vocabulary

    def __call__(self, text: bytes) -> list[int]:
        return self._vocabulary.encode(text.decode("utf-8", errors="replace"))


def _described_line(described: _Described, eos_ids: Collection[int]) -> str:
    """A vocabulary as `probe.py` reads it."""
    return json.dumps(
        {
            "tokens": [token.hex() for token in described.tokens],
            "special": described.special_token_ids,
            "eos": sorted(eos_ids),
        }
    )


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
        schema = json.dumps({} if value is True else value)
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


def _bad_schema(reason: str) -> BadSchema:
    """One line of what llguidance says in many."""
    if "NoExtension" in reason:  # it stopped before its first byte
        reason = "no text matches it"
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    shown = next((line for line in lines if line.startswith("error:")), lines[0] if lines else "")
    return BadSchema(f"The constraint cannot be used: {shown[:300]}.", param="constraint")
