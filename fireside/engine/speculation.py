"""Lossless speculation by prompt lookup: guess the next tokens from the sequence's own history.

Where the last three tokens have occurred before, what followed them then is proposed now, and one
step of the runner verifies it all.  The engine samples at each position as it would have without
(the random number depends on seed and position alone) and keeps what agrees: the ids are those of
plain decoding, not only their distribution.

A guess costs rows.  `StepCost` measures what rows cost on this machine, each `Drafter` how often it
is right, and where the product does not pay, nothing is proposed.  There is no draft model here.
"""

from __future__ import annotations

from collections.abc import Sequence

NGRAM = 3
"""Two match too much by chance on chat, four too little."""
LONGEST = 7
MOST_DECODING = 8
"""With more sequences in the step its rows are already dear, and one more costs a whole one."""
PRIOR_ROW_COST = 0.15
"""Of one row more, relative to the first, until measured."""


class StepCost:
    """Seconds of a decoding step by its number of rows, as a moving average."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def observe(self, rows: int, seconds: float) -> None:
        known = self._seconds.get(rows)
        if known is None:
            self._seconds[rows] = seconds
        else:  # one step that another process held up must not count for many
            self._seconds[rows] = known + 0.2 * (min(seconds, 2 * known) - known)

    def of(self, rows: int) -> float:
        """The expected seconds; from the nearest measured size where this one is not known."""
        known = self._seconds.get(rows)
        if known is not None:
            return known
        if not self._seconds:
            return 1.0 + PRIOR_ROW_COST * (rows - 1)
        nearest = min(self._seconds, key=lambda size: abs(size - rows))
        prior = (1.0 + PRIOR_ROW_COST * (rows - 1)) / (1.0 + PRIOR_ROW_COST * (nearest - 1))
        return self._seconds[nearest] * prior

    def best_length(self, rate: float, decoding: int) -> int:
        """How many tokens to propose, if each is right with probability `rate` after the one
        before it, in a step that decodes for `decoding` sequences; 0 if none pays."""
        plain = self.of(decoding)
        best, most = 0, 0.0
        gain, chance = 0.0, 1.0
        for length in range(1, LONGEST + 1):
            chance *= rate
            gain += chance
            profit = gain * plain / decoding - (self.of(decoding + length) - plain)
            if profit > most:
                best, most = length, profit
        return best


class Drafter:
    """Proposals for one sequence, and how well they have done."""

    __slots__ = ("_followers", "_indexed", "_patience", "_rate", "_skipped")

    def __init__(self) -> None:
        self._followers: dict[tuple[int, ...], int] = {}
        self._indexed = NGRAM  # tokens whose n-gram, ending before them, is in the index
        self._rate = 0.7
        self._skipped = 0
        self._patience = 16

    def propose(
        self, tokens: Sequence[int], cost: StepCost, *, decoding: int, room: int
    ) -> list[int]:
        """Up to `room` tokens that may follow; [] where nothing matches or nothing pays."""
        if decoding > MOST_DECODING or room < 1:
            return []
        for end in range(self._indexed, len(tokens)):
            self._followers[tuple(tokens[end - NGRAM : end])] = end
        self._indexed = max(self._indexed, len(tokens))
        start = self._followers.get(tuple(tokens[-NGRAM:]))
        if start is None:
            return []
        length = cost.best_length(self._rate, decoding)
        if length == 0:
            self._skipped += 1
            if self._skipped < self._patience:
                return []
            self._skipped = 0
            length = 2
        length = min(length, room)
        found = list(tokens[start : start + length])
        while len(found) < length:  # the match runs into the end: it repeats itself
            found.append(found[len(found) - (len(tokens) - start)])
        return found

    def observe(self, proposed: int, accepted: int) -> None:
        """Of `proposed` tokens the first `accepted` were right."""
        tried = min(accepted + 1, proposed)
        for i in range(tried):
            self._rate += 0.1 * ((1.0 if i < accepted else 0.0) - self._rate)
        self._patience = 16 if accepted else min(self._patience * 2, 256)


def accepted_length(proposals: Sequence[int], sampled: Sequence[int]) -> int:
    """How many proposals plain decoding would have chosen too."""
    count = 0
    while count < len(proposals) and proposals[count] == sampled[count]:
        count += 1
    return count
