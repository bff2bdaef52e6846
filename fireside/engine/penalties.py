"""What one sequence does to its logits before sampling: bias, penalties, min_tokens.

Touches only the ids that it must (those seen, biased or masked), never the whole vocabulary.
Semantics: transformers' SequenceBias, RepetitionPenalty and MinNewTokensLength processors, and
OpenAI's presence and frequency penalties, in that order; then DRY (`dry.py`).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Float32

from fireside.engine.dry import DryPenalty
from fireside.engine.params import SamplingParams


class Penalties:
    """The penalties of one sequence, told of each token as it is appended.

    `push` and `pop` are exact inverses, so that a speculated continuation can be tried and undone.
    """

    def __init__(
        self, params: SamplingParams, prompt_ids: Iterable[int], stop_ids: frozenset[int]
    ) -> None:
        self._repetition = params.repetition_penalty
        self._presence = params.presence_penalty
        self._frequency = params.frequency_penalty
        self._min_tokens = params.min_tokens
        self._stop_ids = np.array(sorted(stop_ids), dtype=np.int64)
        self._bias_ids = np.array(list(params.logit_bias), dtype=np.int64)
        self._bias = np.array(list(params.logit_bias.values()), dtype=np.float32)
        self._counts = self._repetition != 1.0 or self._presence != 0.0 or self._frequency != 0.0
        ids = list(prompt_ids)
        self._dry = None
        if params.dry_multiplier > 0.0:
            self._dry = DryPenalty(
                ids,
                multiplier=params.dry_multiplier,
                base=params.dry_base,
                allowed_length=params.dry_allowed_length,
                last_n=params.dry_penalty_last_n,
                breaker_ids=params.dry_breaker_ids,
            )
        changes = self._counts or self._dry is not None or bool(params.logit_bias)
        self.active = changes or self._min_tokens > 0
        self._generated = 0
        # Slot i holds one distinct id; its counts may fall back to 0 when a token is popped.
        self._slot: dict[int, int] = {}
        self._ids = np.zeros(64, dtype=np.int64)
        self._seen = np.zeros(64, dtype=np.int32)
        self._said = np.zeros(64, dtype=np.float32)
        # The tokens that a window slides over; None where all of them count.
        self._last_n = params.repeat_last_n
        self._all: list[int] | None = ids if self._last_n >= 0 and self._repetition != 1.0 else None
        if self._repetition != 1.0:
            for token_id in ids if self._all is None else ids[max(0, len(ids) - self._last_n) :]:
                slot = self._slot_of(token_id)
                self._seen[slot] += 1

    def push(self, token_id: int) -> None:
        """The sequence goes on with this token."""
        self._generated += 1
        if self._counts:
            slot = self._slot_of(token_id)
            self._seen[slot] += 1
            self._said[slot] += 1
            if self._all is not None:
                self._all.append(token_id)
                self._count_left(-1)
        if self._dry is not None:
            self._dry.push(token_id)

    def pop(self, token_id: int) -> None:
        """Take back the token pushed last."""
        self._generated -= 1
        if self._counts:
            slot = self._slot[token_id]
            self._seen[slot] -= 1
            self._said[slot] -= 1
            if self._all is not None:
                self._count_left(1)
                self._all.pop()
        if self._dry is not None:
            self._dry.pop()

    def _count_left(self, change: int) -> None:
        """The token that the window has just left, or comes back to."""
        assert self._all is not None
        place = len(self._all) - self._last_n - 1
        if place >= 0:
            self._seen[self._slot_of(self._all[place])] += change

    def apply(self, row: Float32[np.ndarray, "V"]) -> None:
        """Change one row of logits in place."""
        if len(self._bias_ids):
            row[self._bias_ids] += self._bias
        if self._counts and self._slot:
            used = len(self._slot)
            ids, seen, said = self._ids[:used], self._seen[:used] > 0, self._said[:used]
            values = row[ids]
            if self._repetition != 1.0:
                penalised = np.where(
                    values < 0, values * self._repetition, values / self._repetition
                )
                values = np.where(seen, penalised, values)
            if self._presence != 0.0 or self._frequency != 0.0:
                values = values - self._frequency * said - self._presence * (said > 0)
            row[ids] = values
        if self._dry is not None:
            self._dry.apply(row)
        if self._generated < self._min_tokens:
            row[self._stop_ids] = -np.inf

    def _slot_of(self, token_id: int) -> int:
        slot = self._slot.get(token_id)
        if slot is None:
            slot = self._slot[token_id] = len(self._slot)
            if slot == len(self._ids):
                self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
                self._seen = np.concatenate([self._seen, np.zeros_like(self._seen)])
                self._said = np.concatenate([self._said, np.zeros_like(self._said)])
            self._ids[slot] = token_id
        return slot
