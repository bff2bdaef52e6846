"""Where one candidate stands in its grammar, and what may come next there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from jaxtyping import Bool

from fireside.engine.closing import MARGIN, Closer, Place
from fireside.errors import BadSchema

if TYPE_CHECKING:
    from llguidance import LLMatcher

NEAR = 64
MOST_WINDOW = 128
"""Tokens more than the way to the end is long, at which every token is looked at; beside NEAR as
many as the shortest text has, for what a list repeats is no longer than that."""


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
    """Where one candidate stands in its grammar.

    closer: of JSON, whose end is kept within reach of the answer's limit.
    """

    __slots__ = (
        "_closer",
        "_ending",
        "_eos_ids",
        "_look_at",
        "_matcher",
        "_place",
        "_reach",
        "_vocab_size",
    )

    def __init__(
        self,
        matcher: LLMatcher,
        *,
        vocab_size: int,
        eos_ids: frozenset[int],
        closer: Closer | None = None,
        reach: int = 0,
    ) -> None:
        self._matcher = matcher
        self._vocab_size = vocab_size
        self._eos_ids = eos_ids
        self._closer = closer
        self._place = Place()
        self._ending: list[int] | None = None
        self._look_at: int | None = None
        self._reach = reach
        if closer is not None and not reach:
            self._reach = len(closer.path(matcher, self._place) or ())

    def branch(self) -> Matcher:
        """The same place, for another candidate."""
        return Matcher(
            self._matcher.deep_copy(), vocab_size=self._vocab_size, eos_ids=self._eos_ids,
            closer=self._closer, reach=self._reach,
        )  # fmt: skip

    @property
    def complete(self) -> bool:
        """The grammar is matched, and nothing more may follow."""
        return bool(self._matcher.is_stopped())

    @property
    def was_cut(self) -> bool:
        """Whether the answer was brought to its end because its limit was near."""
        return self._ending is not None

    def advance(self, token_id: int) -> None:
        """The candidate goes on with this token."""
        self._matcher.consume_token(token_id)
        self._check()
        if self._closer is not None and token_id not in self._eos_ids:
            self._place = self._place.after(self._closer.texts[token_id])

    def valid(self, proposals: Sequence[int], room: int) -> int:
        """How many of these tokens, one after another, the grammar allows before its end.

        room: tokens that may still come.  None where the end must be looked after.
        """
        if self._looks(room - len(proposals)):
            return 0
        count: int = self._matcher.validate_tokens(list(proposals))
        for i, token_id in enumerate(proposals[:count]):
            if token_id in self._eos_ids:
                return i
        return count

    def masks(self, proposals: Sequence[int], room: int) -> list[Bool[np.ndarray, "V"]]:
        """What may come next, and what after each of the proposals, which must be `valid`."""
        if self._looks(room):
            return [self._mask_near_the_end(room)]
        masks = [self._mask()]
        for token_id in proposals:
            self._matcher.consume_token(token_id)
            masks.append(self._mask())
        if proposals:
            self._matcher.rollback(len(proposals))
        return masks

    def _looks(self, room: int) -> bool:
        """Whether the way to the end must be known now.

        Half of what is left may go by unseen: tokens lengthen the way by about one each, and
        `window` is for those that lengthen it by more.
        """
        if self._closer is None:
            return False
        if self._look_at is None:
            self._look_at = (room + self._safe(self._reach)) // 2
        return room <= self._look_at

    def _safe(self, length: int) -> int:
        """Room in which an end that is so far away is safely in reach."""
        return length + 1 + MARGIN + NEAR + min(self._reach, MOST_WINDOW)

    def _mask_near_the_end(self, room: int) -> Bool[np.ndarray, "V"]:
        assert self._closer is not None
        mask = self._mask()
        if self._ending is None:
            path = self._closer.path(self._matcher, self._place)
            if path is None or len(path) + 1 > room:
                return mask  # out of reach: it is cut, and `finish_reason` says so
            safe = self._safe(len(path))
            if room > safe:
                self._look_at = (room + safe) // 2
                return mask
            if room > len(path) + 1 + MARGIN:
                return self._closer.mask_in_reach(self._matcher, self._place, mask, room)
            self._ending = [*path, *sorted(self._eos_ids)[:1]]
        only = np.zeros_like(mask)
        only[self._ending.pop(0)] = True
        return only

    def _mask(self) -> Bool[np.ndarray, "V"]:
        bits = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        mask = np.unpackbits(bits, bitorder="little")[: self._vocab_size]
        if len(mask) < self._vocab_size:  # a model may have rows that its tokenizer lacks
            mask = np.pad(mask, (0, self._vocab_size - len(mask)))
        return mask.view(np.bool_)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise bad_schema(self._matcher.get_error())


def bad_schema(reason: str) -> BadSchema:
    """One line of what llguidance says in many."""
    if "NoExtension" in reason:  # it stopped before its first byte
        reason = "no text matches it"
    lines = [line.strip() for line in reason.splitlines() if line.strip()]
    shown = next((line for line in lines if line.startswith("error:")), lines[0] if lines else "")
    return BadSchema(f"The constraint cannot be used: {shown[:300]}.", param="constraint")
