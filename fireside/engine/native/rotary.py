"""The angles of rotary positions, as the native core reads them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32

from fireside.model.architecture import ModelConfig, Rope


def rotary_table(
    config: ModelConfig, length: int, *, is_local: bool = False
) -> Float32[np.ndarray, "T half 2"]:
    """Cosine and sine of position times frequency, for `length` positions.

    is_local: of the layers with a sliding window, which may have angles of their own.

    Frequencies and angles are float32, as the model was trained with them.  The functions
    themselves are taken in float64 and rounded once: NumPy's own in float32 differ by a bit from
    one processor to the next.
    """
    rope = config.rope
    assert rope is not None
    if is_local and rope.local_theta is not None:
        rope = Rope(theta=rope.local_theta)
    half = np.arange(0, config.head_dim, 2) / config.head_dim
    frequencies = (rope.theta**-half).astype(np.float32)
    if rope.scaling is not None:
        frequencies = rope.scaling.scale(frequencies)
    angles = np.outer(np.arange(length, dtype=np.float32), frequencies).astype(np.float64)
    return np.stack((np.cos(angles), np.sin(angles)), axis=-1).astype(np.float32)
