"""The tokens that end a repeated stretch for DRY: those that hold one of some texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fireside.errors import BadRequest

if TYPE_CHECKING:
    from fireside.tokenizer.tokenizer import Tokenizer

MOST = 16
"""Sets of texts whose tokens are kept: to find them costs a look at the whole vocabulary."""


class BreakerTokens:
    """Of one tokenizer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._known: dict[tuple[str, ...], frozenset[int]] = {}

    def find(self, texts: tuple[str, ...]) -> frozenset[int]:
        """
        Raises:
            BadRequest: no token holds one of them.
        """
        found = self._known.get(texts)
        if found is None:
            found = frozenset().union(*map(self._holding, texts))
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[texts] = found
        return found

    def _holding(self, text: str) -> frozenset[int]:
        tokenizer, part = self._tokenizer, text.encode()
        found = frozenset(
            number
            for number in range(tokenizer.vocab_size)
            if part in tokenizer.token_bytes(number)
        )
        if not found:
            raise BadRequest(
                f"dry_sequence_breakers: no token of this model holds {text[:40]!r}; take shorter "
                "texts.",
                param="dry_sequence_breakers",
            )
        return found
