"""One prompt, many continuations, one pass: the attention that makes the sharing exact.

A row of a batch is a context followed by its continuations side by side; each continuation sees
the context and itself, never its neighbours, and its positions go on from the context's end.  What
all rows begin with (few-shot examples) is computed once, as a `Prefix` that every row reads.
So the cost of a question with 77 labels is that of one prompt and the labels' own tokens.

Both are `KVCache`s of the model; this file refuses to know what the tokens mean.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from fireside.model.cache import NoCache
from fireside.model.transformer import Transformer

PADDING = -1
CONTEXT = 0


class Prefix(NoCache):
    """Keys and values of what every row begins with: `len(ids)` tokens, once."""

    def __init__(self, model: Transformer, ids: Int[Tensor, " P"]) -> None:
        super().__init__(ids[None])
        self.length = len(ids)
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        model.hidden(ids[None], positions=self.positions, cache=self)

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
        assert layer == len(self.keys), "layers run in order"
        self.keys.append(k)
        self.values.append(v)
        return super().attend(layer, q, k, v, scale=scale, window=window)


class Branches:
    """Attention of rows with branches.

    Args:
        positions: where each token stands, the prefix counted.
        branch: CONTEXT, the number of the continuation from 1, or PADDING.
        prefix: what stands before every row, or None.
    """

    def __init__(
        self,
        positions: Int[Tensor, "B T"],
        branch: Int[Tensor, "B T"],
        prefix: Prefix | None = None,
    ) -> None:
        self.positions, self.branch, self.prefix = positions, branch, prefix
        # Padding stands last, so where nothing branches plain causal attention never sees it.
        self.plain = prefix is None and int(branch.max()) <= CONTEXT
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
        if self.plain and (window is None or window >= q.shape[2]):
            return F.scaled_dot_product_attention(
                q, k, v, is_causal=True, scale=scale, enable_gqa=True
            )
        if self.prefix is not None:
            rows = k.shape[0]
            k = torch.cat((self.prefix.keys[layer].expand(rows, -1, -1, -1), k), dim=2)
            v = torch.cat((self.prefix.values[layer].expand(rows, -1, -1, -1), v), dim=2)
        if window not in self._visible:
            self._visible[window] = self._sees(window)
        return F.scaled_dot_product_attention(
            q, k, v, attn_mask=self._visible[window], scale=scale, enable_gqa=True
        )

    def _sees(self, window: int | None) -> Tensor:
        """B 1 T P+T: which keys each query sees."""
        branch, positions = self.branch, self.positions
        mine = (branch[:, None, :] == CONTEXT) | (branch[:, None, :] == branch[:, :, None])
        distance = positions[:, :, None] - positions[:, None, :]  # B T T
        seen = mine & (distance >= 0) & (branch[:, None, :] != PADDING)
        if window is not None:
            seen &= distance < window
        seen |= torch.eye(branch.shape[1], dtype=torch.bool, device=seen.device)  # no empty softmax
        if self.prefix is not None:
            before = positions[:, :, None] - torch.arange(
                self.prefix.length, device=positions.device
            )
            near = before > 0 if window is None else (before > 0) & (before < window)
            seen = torch.cat((near, seen), dim=2)
        return seen[:, None]
