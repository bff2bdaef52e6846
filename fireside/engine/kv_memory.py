"""How much memory the KV cache takes."""

from __future__ import annotations

from fireside.engine.devices import free_memory
from fireside.errors import Unavailable
from fireside.model.architecture import ModelConfig

BLOCK_SIZE = 32
# Without an explicit limit the cache holds one or two whole windows, two while they stay below so
# many MiB, and never takes more than this share of what is free.
MOST_WINDOWS, MODEST_MIB = 2, 256
MEMORY_SHARE = 0.25


def kv_blocks(config: ModelConfig, limit_mib: int, device: str, *, bytes_per_number: int) -> int:
    """How many blocks of the KV cache fit.

    Raises:
        Unavailable: not even a thousand tokens would fit.
    """
    per_token = 2 * config.num_layers * config.num_kv_heads * config.head_dim * bytes_per_number
    per_block = per_token * BLOCK_SIZE
    free = free_memory(device)
    if limit_mib:
        blocks = (limit_mib << 20) // per_block
    else:
        window = -(-config.context // BLOCK_SIZE)
        modest = (MODEST_MIB << 20) // per_block
        blocks = min(
            int(free * MEMORY_SHARE) // per_block, max(window, min(modest, MOST_WINDOWS * window))
        )
    least = -(-min(1024, config.context) // BLOCK_SIZE)
    if blocks < least:
        raise Unavailable(
            f"The KV cache needs at least {least * per_block >> 20} MiB: free some memory, "
            "raise FIRESIDE_KV_CACHE_MIB, or take a smaller model."
        )
    return blocks
