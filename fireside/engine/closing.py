"""How a JSON text that has begun can end in few tokens, so that an answer's limit never cuts it.

A mask says what may come next, not how far the end is.  `Closer.path` goes there by a simple rule:
close what is open where the grammar lets it, else take the shortest value.  It is no shortest path,
but it is a path that the grammar allows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Bool

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from fireside.engine.matcher import Vocabulary

LONGEST: Final = 256
"""Tokens of a path, which takes 50 microseconds for each; what needs more may be cut."""
MARGIN: Final = 4
MOST_TRIED: Final = 12
DIGITS: Final = b"0123456789"
OPENING: Final = b"{[,"
SEPARATORS: Final = b"@:/.-"


@dataclass(slots=True)
class Place:
    """Where in a JSON text its end so far is: `closers` of what is open, the innermost last."""

    closers: bytes = b""
    in_string: bool = False
    is_escaped: bool = False

    def after(self, text: bytes) -> Place:
        place = Place(self.closers, self.in_string, self.is_escaped)
        for byte in text:
            place._feed(byte)
        return place

    def _feed(self, byte: int) -> None:
        if self.is_escaped:
            self.is_escaped = False
        elif self.in_string:
            self.is_escaped = byte == ord("\\")
            self.in_string = byte != ord('"')
        elif byte == ord('"'):
            self.in_string = True
        elif byte in b"{[":
            self.closers += b"}" if byte == ord("{") else b"]"
        elif byte in b"}]":
            self.closers = self.closers[:-1]

    def wishes(self, count: int) -> Iterator[int]:
        """Bytes that lead to the end, the best first.

        count: tokens so far, which vary what is chosen: a multiple of seven is not found by noughts
        alone, nor an address by letters.
        """
        if self.in_string:
            yield ord('"')
            yield from SEPARATORS if count % 2 else b""
            return
        yield from self.closers[-1:]
        yield ord(",")
        turn = count % 10
        yield from DIGITS[turn:] + DIGITS[:turn] if count else DIGITS
        yield from b'"ntf[{'


class Closer:
    """Of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        texts = [vocabulary.token_bytes(number) for number in range(vocabulary.vocab_size)]
        special = set(vocabulary.special_ids)
        texts = [b"" if number in special else text for number, text in enumerate(texts)]
        self.texts = texts
        self._single = {text[0]: number for number, text in enumerate(texts) if len(text) == 1}
        self._by_length = np.array(sorted(range(len(texts)), key=lambda n: len(texts[n]) or 99))
        self.opens = np.array([any(byte in OPENING for byte in text) for text in texts])
        self.goes_on = np.array([b'"' in text[:-1] for text in texts])
        """Tokens that end a string, or begin one, and say more."""

    def path(self, matcher: LLMatcher, place: Place, first: int | None = None) -> list[int] | None:
        """Tokens from here to an end; None if there is none that it finds.

        first: a token to begin with, which is no part of the path.
        """
        ahead = matcher.deep_copy()
        if first is not None:
            if not ahead.consume_token(first):
                return None
            place = place.after(self.texts[first])
        ids: list[int] = []
        while len(ids) <= LONGEST:
            if ahead.is_accepting():
                return ids
            chosen = ahead.compute_ff_tokens() or self._choose(ahead, place, len(ids))
            for token_id in chosen:
                if not ahead.consume_token(token_id):
                    return None
                place = place.after(self.texts[token_id])
            if not chosen:
                return None
            ids += chosen
        return None

    def _choose(self, ahead: LLMatcher, place: Place, count: int) -> list[int]:
        bits = ahead.compute_bitmask()
        for byte in place.wishes(count):
            token_id = self._single.get(byte)
            if token_id is not None and bits[token_id >> 3] >> (token_id & 7) & 1:
                return [token_id]
        raw = np.frombuffer(bits, dtype=np.uint8)
        mask = np.unpackbits(raw, bitorder="little")[: len(self.texts)]
        allowed = self._by_length[mask[self._by_length].astype(bool)][:MOST_TRIED]
        texts = [self.texts[token_id] for token_id in allowed]
        short = [i for i, text in enumerate(texts) if text and len(text) == len(texts[0])]
        return [int(allowed[short[7 * count % len(short)]])] if short else []

    def mask_in_reach(
        self, matcher: LLMatcher, place: Place, mask: Bool[np.ndarray, "V"], room: int
    ) -> Bool[np.ndarray, "V"]:
        """The mask without tokens after which the end would be out of reach.

        room: tokens that may still come, the next one among them.
        """
        size = len(self.texts)
        made = mask.copy()
        risky = np.flatnonzero(made[:size])
        if len(risky) > MOST_TRIED:  # a free text, or the beginning of a value
            if place.in_string:
                made[:size] &= ~self.goes_on
                return made if made.any() else mask
            risky = np.flatnonzero(made[:size] & (self.opens | self.goes_on))
        for count, token_id in enumerate(risky.tolist()):
            if count < MOST_TRIED:
                rest = self.path(matcher, place, token_id)
                if rest is not None and len(rest) + 2 <= room:
                    continue
            made[token_id] = False
        return made if made.any() else mask
