"""The shapes of attention's matrix products, chosen so that company does not change an answer.

A matrix product adds the same numbers in another order when its shape selects another kernel of
the BLAS library, and which shapes share a kernel depends on the processor.  `FASTEST` keeps every
sum's order on Intel with AVX-512.  The other `CANDIDATES` pad more, and keep it where `FASTEST`
does not; `attention_check.py` tries them on this machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fireside.engine.arena import KEY_BLOCK

# PyTorch's CPU kernel works through keys in blocks of 512 (`KEY_BLOCK`); its matrix products sum up
# to 256 of them in one go on AVX-512, and 192 on AVX2.
KEY_SUM, LANES = 192, 16
# It takes queries in blocks of 32 (more when there are many); a few left over in the last block go
# through another matrix kernel, which rounds differently.  Few is fewer than a 24th of head_dim:
# measured at 64, 80, 96, 128 and 256.
QUERY_BLOCK, DIMS_PER_QUERY = 32, 24


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionShapes:
    """How many keys are read, how many queries are asked, and how heads are laid out.

    key_lengths: as many keys are read as the first of these that is long enough, and more than the
        last in multiples of `KEY_BLOCK`.  Empty: the rule in `count_keys`.
    query_multiple: queries are padded to a multiple of it.  0: the rule in `pad_queries`.
    expands_heads: each query head has its own view of keys and values (`enable_gqa` uses another
        kernel).
    least_rows: the MLP's rotation is computed for so many rows at least.
    """

    key_lengths: tuple[int, ...] = ()
    query_multiple: int = 0
    expands_heads: bool = False
    least_rows: int = 1

    def count_keys(self, length: int) -> int:
        """How many keys to read for `length` of them; the rest is masked.

        The fastest rule: whole vectors, because the softmax treats a tail differently; and either
        at most 192 of the last 512 or all of them, because in between the matrix kernel splits its
        sum elsewhere.
        """
        if self.key_lengths:
            fitting = (count for count in self.key_lengths if count >= length)
            return next(fitting, -(-length // KEY_BLOCK) * KEY_BLOCK)
        padded = -(-length // LANES) * LANES
        return padded if padded % KEY_BLOCK <= KEY_SUM else -(-padded // KEY_BLOCK) * KEY_BLOCK

    def pad_queries(self, queries: Float[Tensor, "S H n hd"]) -> Float[Tensor, "S H m hd"]:
        """Repeat the last query until the kernel's last block has a count that rounds alike."""
        count, dims = queries.shape[2:]
        if self.query_multiple:
            missing = -count % self.query_multiple
        else:
            enough, left_over = max(3, dims // DIMS_PER_QUERY + 1), count % QUERY_BLOCK
            missing = enough - left_over if 0 < left_over < enough else 0
        if not missing:
            return queries
        return torch.cat([queries, queries[:, :, -1:].expand(-1, -1, missing, -1)], 2)


FASTEST = AttentionShapes()


def _padded(*key_lengths: int, query_multiple: int = 8) -> AttentionShapes:
    return AttentionShapes(
        key_lengths=key_lengths, query_multiple=query_multiple, expands_heads=True, least_rows=8
    )


# From fast to slow.  Short contexts gain most from reading few keys (docs/performance.md).
CANDIDATES = (
    FASTEST,
    _padded(64, 128, 192, 512),
    _padded(128, 512),
    _padded(512),
    _padded(512, query_multiple=32),
)
