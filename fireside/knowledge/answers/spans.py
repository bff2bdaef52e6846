"""Where in a text a question's answer begins and ends: logits for each token.

The embedding model's lower layers read question and text apart, so a text costs what its embedding
costs; the head's `Matcher` reads both together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.engine.embedding import Embedder, batches
from fireside.knowledge.answers.head import AnswerHead
from fireside.model.encoder import Encoder

MOST_QUESTION: Final = 64  # tokens
WORD: Final = re.compile(r"\w+|[^\w\s]")
BATCH_TOKENS: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A text's tokens.  places: of each token, the (begin, end) of its word in the text."""

    ids: Sequence[int]
    places: Sequence[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Logits:
    """Of each token: to begin and to end the answer.  nothing: both, of "it is not here"."""

    begins: Float[Tensor, " T"]
    ends: Float[Tensor, " T"]
    nothing: float


def words_of(embedder: Embedder, text: str) -> Words:
    """Word by word: so each token's place is known, whatever the tokenizer changes."""
    found = list(WORD.finditer(text))
    each = embedder.tokens([word[0] for word in found])
    ids, places = list[int](), list[tuple[int, int]]()
    for word, tokens in zip(found, each, strict=True):
        ids += tokens
        places += [word.span()] * len(tokens)
    return Words(ids=ids, places=places)


class SpanReader:
    """A head at work.  Safe to use from many threads."""

    def __init__(self, head: AnswerHead, embedder: Embedder, memory: int = 0) -> None:
        """memory: texts whose vectors are kept for the next question."""
        self._head = head
        self._embedder = embedder
        self._memory = memory
        self._known: dict[tuple[int, ...], Tensor] = {}

    def words(self, text: str) -> Words:
        return words_of(self._embedder, text)

    def logits(self, question: str, texts: Sequence[Words]) -> list[Logits]:
        """Of each text, none empty, each within the embedding model's context.

        Raises: Unavailable, as the embedder.
        """
        asked = self.words(question).ids[:MOST_QUESTION]
        first, *rest = self._vectors([asked, *(text.ids for text in texts)])
        return [self._told(first, asked, *each) for each in zip(rest, texts, strict=True)]

    def _vectors(self, texts: Sequence[Sequence[int]]) -> list[Tensor]:
        known = {tuple(ids): self._known[tuple(ids)] for ids in texts if tuple(ids) in self._known}
        new = [ids for ids in dict.fromkeys(map(tuple, texts)) if ids not in known]
        rows = [self._embedder.tokenizer.frame(ids) for ids in new]
        layers = self._head.layers
        made = self._embedder.compute(lambda encoder: lower_vectors(encoder, rows, layers))
        known |= dict(zip(new, made, strict=True))
        if len(self._known) + len(new) <= self._memory:
            self._known |= known
        return [known[tuple(ids)] for ids in texts]

    @torch.inference_mode()
    def _told(self, question: Tensor, asked: Sequence[int], text: Tensor, words: Words) -> Logits:
        known = set(asked)
        same = torch.tensor([[token in known for token in words.ids]])
        every = (torch.ones(1, len(each), dtype=torch.bool) for each in (text, question))
        made, nothing = self._head.matcher(text[None], question[None], *every, same)
        return Logits(begins=made[0, :, 0], ends=made[0, :, 1], nothing=2 * float(nothing[0, 0]))


def lower_vectors(
    encoder: Encoder, rows: Sequence[Sequence[int]], layers: int
) -> list[Float[Tensor, "T D"]]:
    """Of each row, framed by [CLS] and [SEP], what the first `layers` make of it, without both."""
    device = next(encoder.parameters()).device
    found: list[Tensor] = [torch.empty(0)] * len(rows)
    for batch in batches([len(row) for row in rows], BATCH_TOKENS):
        ids = torch.zeros(len(batch), max(len(rows[i]) for i in batch), dtype=torch.long)
        mask = torch.zeros_like(ids, dtype=torch.bool)
        for place, i in enumerate(batch):
            ids[place, : len(rows[i])] = torch.tensor(list(rows[i]))
            mask[place, : len(rows[i])] = True
        x = encoder.below(ids.to(device), mask.to(device), layers).cpu()
        for place, i in enumerate(batch):
            found[i] = x[place, 1 : len(rows[i]) - 1]
    return found
