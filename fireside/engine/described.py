"""A model's vocabulary as llguidance reads it: each token's bytes, and tokens for any bytes."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cached_property

from fireside.engine.matcher import Vocabulary

LONGEST_TOKEN = 64
"""Bytes of a token that is looked for where a tokenizer cannot spell a text: no rule needs more."""


class Described:
    """A vocabulary under the names that llguidance's TokenizerWrapper reads."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.eos_token_id = min(vocabulary.eos_ids, default=0)
        self.bos_token_id = vocabulary.bos_id
        self.special_token_ids = sorted(vocabulary.special_ids)
        self.tokens = [vocabulary.token_bytes(i) for i in range(vocabulary.vocab_size)]
        self._vocabulary = vocabulary

    def __call__(self, text: bytes) -> list[int]:
        """Tokens that stand for exactly these bytes.

        The model's own way to write them, unless that stands for others: a tokenizer that composes
        (Qwen's NFC), puts a space in front (Llama 2), or has no letter `▁` (every SentencePiece).
        """
        ids = self._vocabulary.encode(text.decode("utf-8", errors="replace"))
        return ids if b"".join(self.tokens[one] for one in ids) == text else self._longest(text)

    def _longest(self, text: bytes) -> list[int]:
        """The longest token at each place; up to the first byte that no token begins with."""
        ids: list[int] = []
        at = 0
        while at < len(text):
            reach = range(min(LONGEST_TOKEN, len(text) - at), 0, -1)
            size = next((n for n in reach if text[at : at + n] in self._by_bytes), 0)
            if not size:
                break
            ids.append(self._by_bytes[text[at : at + size]])
            at += size
        return ids

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        special = set(self.special_token_ids)
        return {
            token: number
            for number, token in enumerate(self.tokens)
            if token and number not in special
        }


def described_line(described: Described, eos_ids: Collection[int]) -> str:
    """A vocabulary as `probe.py` reads it."""
    return json.dumps(
        {
            "tokens": [token.hex() for token in described.tokens],
            "special": described.special_token_ids,
            "eos": sorted(eos_ids),
        }
    )
