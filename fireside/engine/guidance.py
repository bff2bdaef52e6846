"""Structured answers: which tokens may come next, by llguidance.

A constraint is compiled in a worker thread, never in the engine's; each candidate owns a matcher.
What cannot be compiled, or takes longer than COMPILE_SECONDS, is a BadSchema that says why.
Nothing is loosened silently: an unsupported keyword is an error.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool


class Matcher:
    """Where one candidate stands in its grammar."""

    def allowed(self) -> Bool[np.ndarray, "V"]:
        """The mask over the vocabulary of the tokens that may come next."""
        raise NotImplementedError

    def branch(self) -> Matcher:
        raise NotImplementedError

    def advance(self, token_id: int) -> None:
        raise NotImplementedError

    @property
    def complete(self) -> bool:
        raise NotImplementedError

    def masks(self, proposals: list[int]) -> list[Bool[np.ndarray, "V"]]:
        raise NotImplementedError
