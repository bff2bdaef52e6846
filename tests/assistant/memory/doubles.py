"""An embedding model that can be read: a text's vector is the sum of its words'."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import torch

from fireside.knowledge.words import wanted


class BagOfWords:
    name = "bag-of-words"
    width = 4096
    window = 120
    unknown_id: int | None = 0

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self._texts: dict[tuple[int, ...], str] = {}

    def tokens(
        self, texts: Sequence[str | Sequence[int]], *, param: str | None = None
    ) -> list[list[int]]:
        return [[ord(c) for c in text] if isinstance(text, str) else list(text) for text in texts]

    def embed(
        self,
        texts: Sequence[str | Sequence[int]],
        *,
        cancelled: Callable[[], bool] = lambda: False,
        param: str | None = None,
    ) -> tuple[torch.Tensor, list[int]]:
        rows = []
        for text in texts:
            plain = text if isinstance(text, str) else "".join(map(chr, text))
            self.embedded.append(plain)
            row = torch.zeros(self.width)
            for word in wanted(plain):
                place = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4]) % self.width
                row[place] += 1
            rows.append(row / (row.norm() or 1.0))
        return torch.stack(rows), [len(text) for text in texts]
