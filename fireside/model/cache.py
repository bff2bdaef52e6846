"""Keys and values of the past, and who may see whom.

`KVCache` is all that the model asks; the engine brings a paged one.  Here are the two plain ones:
`NoCache`, for a whole sequence at once (training, prompts without a continuation), and
`DenseCache`, a rectangle that grows.  Both take padding on either side.  They refuse to save
memory: a sliding window is a mask here, not a ring.
"""

from __future__ import annotations

from typing import Protocol

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor


class KVCache(Protocol):
    """Attention of one step's tokens over themselves and all that came before."""

    def attend(
        self,
        layer: int,
        q: Float[Tensor, "B H T d"],
        k: Float[Tensor, "B K T d"],
        v: Float[Tensor, "B K T d"],
        *,
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "B H T d"]:
        """Remember k and v, answer q.  `window`: how many tokens a query sees, itself included."""
        ...


class NoCache:
    """A step that is the whole sequence: nothing before it, nothing kept.

    mask: True where there is a token, False where there is padding; None: tokens everywhere.
    documents: which of its row's documents each token belongs to, -1 for padding, each document
    in one piece; a token sees only its own.  None: a row is one document.
    """

    def __init__(
        self,
        ids: Int[Tensor, "B T"],
        mask: Bool[Tensor, "B T"] | None = None,
        documents: Int[Tensor, "B T"] | None = None,
    ) -> None:
        if mask is not None and documents is not None:
            raise ValueError("say what is padding by documents of -1, or by a mask, not by both")
        if documents is not None:
            mask = documents >= 0
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.bool()
        self.positions = _count(real) if documents is None else _count_each(documents)
        self._real = real
        self._documents = documents
        self._padded = mask is not None
        self._visible: dict[int | None, Tensor] = {}

    def attend(
        self,
        layer: int,
        q: Float[Tensor, "B H T d"],
        k: Float[Tensor, "B K T d"],
        v: Float[Tensor, "B K T d"],
        *,
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "B H T d"]:
        if not self._padded and (window is None or window >= q.shape[2]):
            return F.scaled_dot_product_attention(
                q, k, v, is_causal=True, scale=scale, enable_gqa=True
            )
        if window not in self._visible:  # the same for every layer of this kind
            self._visible[window] = self._see(window)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=self._visible[window], scale=scale, enable_gqa=True
        )

    def _see(self, window: int | None) -> Bool[Tensor, "B 1 T T"]:
        seen = visible(self.positions, self.positions, self._real, window)
        if self._documents is None:
            return seen
        return seen & (self._documents[:, None, :, None] == self._documents[:, None, None, :])


class DenseCache:
    """Keys and values of a batch that goes on together.

    cache = DenseCache()
    logits = model(ids, positions=cache.extend(mask), cache=cache)     # the prompts
    logits = model(next, positions=cache.extend(ones), cache=cache)    # one token more
    """

    def __init__(self) -> None:
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}
        self._real: Tensor | None = None  # B S: is there a token in this slot?
        self._positions: Tensor | None = None  # B S
        self._new = 0
        self._visible: dict[int | None, Tensor] = {}

    @property
    def length(self) -> int:
        """Slots per row so far, padding included."""
        return 0 if self._real is None else self._real.shape[1]

    def extend(self, mask: Bool[Tensor, "B T"]) -> Int[Tensor, "B T"]:
        """Announce the next step's tokens (True) and padding (False); answers their positions."""
        real = mask.bool()
        before = self._real
        self._real = real if before is None else torch.cat((before, real), dim=1)
        self._positions = _count(self._real)
        self._new = real.shape[1]
        self._visible = {}
        return self._positions[:, -self._new :]

    def attend(
        self,
        layer: int,
        q: Float[Tensor, "B H T d"],
        k: Float[Tensor, "B K T d"],
        v: Float[Tensor, "B K T d"],
        *,
        scale: float,
        window: int | None,
    ) -> Float[Tensor, "B H T d"]:
        if self._real is None or self._positions is None or q.shape[2] != self._new:
            raise ValueError("tell DenseCache.extend how many tokens come before running them")
        if layer in self._keys:
            k = torch.cat((self._keys[layer], k), dim=2)
            v = torch.cat((self._values[layer], v), dim=2)
        if k.shape[2] != self.length:
            raise ValueError("DenseCache.extend was called without running the model after it")
        self._keys[layer], self._values[layer] = k, v
        if window not in self._visible:
            newest = self._positions[:, -self._new :]
            self._visible[window] = visible(newest, self._positions, self._real, window)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=self._visible[window], scale=scale, enable_gqa=True
        )


def visible(
    queries: Int[Tensor, "B T"],
    keys: Int[Tensor, "B S"],
    real: Bool[Tensor, "B S"],
    window: int | None,
) -> Bool[Tensor, "B 1 T S"]:
    """Which keys each query sees, by position.  The queries are the last T of the S slots.

    Padding sees itself: a softmax over nothing is NaN, and NaN times a weight of zero is NaN.
    """
    distance = queries[:, :, None] - keys[:, None, :]  # B T S
    seen = (distance >= 0) & real[:, None, :]
    if window is not None:
        seen &= distance < window
    new, total = queries.shape[1], keys.shape[1]
    seen[:, :, total - new :] |= torch.eye(new, dtype=torch.bool, device=seen.device)
    return seen[:, None]


def _count(real: Bool[Tensor, "B S"]) -> Int[Tensor, "B S"]:
    """Each token's position: how many tokens stand before it in its row."""
    return (real.long().cumsum(dim=1) - 1).clamp_min(0)


def _count_each(documents: Int[Tensor, "B T"]) -> Int[Tensor, "B T"]:
    """Each token's position in its document."""
    places = torch.arange(documents.shape[1], device=documents.device).expand_as(documents)
    first = torch.ones_like(documents, dtype=torch.bool)
    first[:, 1:] = documents[:, 1:] != documents[:, :-1]
    return places - (places * first).cummax(dim=1).values
