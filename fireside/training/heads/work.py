"""What every recipe does with the embedding model: vectors, a head, an adapter, a calibration.

It refuses to know the tasks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.engine.embedding import Embedder, load_embedder
from fireside.hub import LocalModel
from fireside.model.encoder import load_encoder
from fireside.model.lora import Delta
from fireside.settings import Settings
from fireside.training.heads.fit import Adapting, Listener, adapted, linear, platt, tensors
from fireside.training.heads.rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A head before its calibration."""

    weight: Float[Tensor, "labels D"]
    bias: Float[Tensor, " labels"]
    deltas: dict[str, Delta]


class Work:
    """An embedding model to train heads on."""

    def __init__(self, local: LocalModel, settings: Settings, seed: int, say: Listener) -> None:
        self.base = local.name
        self.seed = seed
        self.say = say
        self.embedder = load_embedder(local, settings)
        self._local = local

    def vectors(self, texts: Sequence[str]) -> Float[Tensor, "B D"]:
        """Of each text's first window: the rows of the data sets are shorter."""
        return self._vectors(self.embedder, texts)

    def fit(self, rows: Sequence[Row], adapting: Adapting | None) -> Fitted:
        """The linear head; with `adapting` then the adapter and the head together."""
        targets, weights = tensors(rows)
        texts = [row.text for row in rows]
        weight, bias = linear(self.vectors(texts), targets, weights)
        if adapting is None:
            return Fitted(weight=weight, bias=bias, deltas={})
        self.say(f"{len(rows)} rows: the linear head stands, now the adapter")
        frame, window = self.embedder.tokenizer.frame, self.embedder.window
        ids = [frame(each[:window]) for each in self.embedder.tokens(texts)]
        encoder = load_encoder(self._local.path)
        deltas, weight, bias = adapted(
            encoder, ids, rows, (weight, bias), adapting, seed=self.seed, listener=self.say
        )
        half = {
            name: Delta(a=d.a.half().float(), b=d.b.half().float(), alpha=d.alpha)
            for name, d in deltas.items()
        }
        return Fitted(weight=weight, bias=bias, deltas=half)

    def logits(self, fitted: Fitted, texts: Sequence[str]) -> Float[Tensor, "B labels"]:
        embedder = self.embedder.adapted(fitted.deltas) if fitted.deltas else self.embedder
        return self._vectors(embedder, texts) @ fitted.weight.t() + fitted.bias

    def calibrated(self, fitted: Fitted, rows: Sequence[Row]) -> tuple[Tensor, Tensor]:
        """(slope, shift), on rows that `fitted` has not seen."""
        targets, weights = tensors(rows)
        logits = self.logits(fitted, [row.text for row in rows])
        return platt(logits, targets, weights)

    @staticmethod
    def _vectors(embedder: Embedder, texts: Sequence[str]) -> Tensor:
        ids = [each[: embedder.window] for each in embedder.tokens(list(texts))]
        return torch.empty(0, embedder.width) if not ids else embedder.embed(ids)[0]
