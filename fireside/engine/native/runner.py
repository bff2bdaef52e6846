"""Runs a step of the engine in the native core.

Answers are exact by its one law (`docs/performance.md`): the order of every sum is fixed, whatever
the batch, the cut of the prompt, the threads and the instruction set.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ctypes import CDLL, c_void_p

import numpy as np
from jaxtyping import Float32

from fireside.engine.native.library import CChunk, CConfig, CLayer, CMatrix, choose_isa
from fireside.engine.native.packed_weights import PackedWeights
from fireside.engine.native.rotary import rotary_table
from fireside.engine.runner import Abandoned, Chunk, tiles
from fireside.model.architecture import ModelConfig

BLOCK_SIZE = 32
TILE = 256
"""Rows between two questions whether anybody waits for the step."""
ACTIVATIONS = {"silu": 0, "gelu_tanh": 1}
NORMS = (
    "attention_norm", "mlp_norm", "q_norm", "k_norm", "attention_post_norm", "mlp_post_norm",
)  # fmt: skip


class NativeRunner:
    """See `Runner` in runner.py for what `run` takes and gives."""

    def __init__(
        self,
        library: CDLL,
        weights: PackedWeights,
        config: ModelConfig,
        *,
        num_blocks: int,
        threads: int,
        isa: str | None = None,
    ) -> None:
        self._library = library
        self.isa = isa or choose_isa(library)
        self.is_exact = True
        self.vocab_size = config.vocab_size
        self.context = config.context
        self.block_size = BLOCK_SIZE
        self.num_blocks = num_blocks
        self.abandoned: Callable[[], bool] = lambda: False
        self._weights = weights
        length = min(config.context, num_blocks * BLOCK_SIZE)
        self._rotary = rotary_table(config, length)
        self._local_rotary = self._rotary
        if config.rope is not None and config.rope.local_theta is not None:
            self._local_rotary = rotary_table(config, length, is_local=True)
        self._step = self._open(config, threads)
        self._logits = np.empty((0, config.vocab_size), np.float32)

    def __del__(self) -> None:
        if step := getattr(self, "_step", None):
            self._library.fireside_close(step)

    def _open(self, config: ModelConfig, threads: int) -> int:
        weights = self._weights
        layers = (CLayer * config.num_layers)(
            *(self._layer(config, index) for index in range(config.num_layers))
        )
        embedding = self._matrix("embedding")
        head = self._matrix("head") if "head" in weights.parts else embedding
        described = CConfig(
            config.num_layers, config.width, config.num_heads, config.num_kv_heads,
            config.head_dim, config.mlp_width, config.vocab_size, self.num_blocks,
            ACTIVATIONS[config.activation], config.norm_eps, config.scale, config.embedding_scale,
        )  # fmt: skip
        step = self._library.fireside_open(
            described, layers, embedding, head, weights.address("last_norm"), self.isa.encode(),
            threads,
        )  # fmt: skip
        assert step
        return int(step)

    def _layer(self, config: ModelConfig, index: int) -> CLayer:
        window = config.window(index)
        rotary = self._rotary if window is None else self._local_rotary
        return CLayer(
            *(
                self._matrix(f"{index}.{name}")
                for name in ("q", "k", "v", "output", "gate_up", "down")
            ),
            *(self._weights.address(f"{index}.{name}") for name in NORMS),
            rotary.ctypes.data,
            window or 0,
        )

    def _matrix(self, name: str) -> CMatrix:
        part = self._weights.parts[name]
        address = self._weights.address
        return CMatrix(address(name), address(f"{name}.bias"), part.kind, part.outputs, part.inputs)

    def copy_block(self, source: int, target: int) -> None:
        self._library.fireside_copy_block(self._step, source, target)

    def run(self, chunks: Sequence[Chunk]) -> Float32[np.ndarray, "N V"]:
        """Logits of the wanted rows, in the order of `chunks`."""
        wanted = sum(chunk.logits for chunk in chunks)
        if len(self._logits) < wanted:
            self._logits = np.empty((wanted, self.vocab_size), np.float32)
        done = 0
        for piece in tiles(chunks, TILE):
            if self.abandoned():
                raise Abandoned
            done += self._run(piece, done)
        return self._logits[:wanted]

    def _run(self, chunks: Sequence[Chunk], place: int) -> int:
        """Writes logits from row `place` on; returns how many rows."""
        arrays = [
            (np.array(chunk.token_ids, np.int32), np.array(chunk.blocks, np.int32))
            for chunk in chunks
        ]
        described = (CChunk * len(chunks))(
            *(
                CChunk(
                    tokens.ctypes.data, blocks.ctypes.data, len(tokens), chunk.start, chunk.logits
                )
                for chunk, (tokens, blocks) in zip(chunks, arrays, strict=True)
            )
        )
        logits = self._logits[place:]
        self._library.fireside_run(
            self._step, described, len(chunks), logits.ctypes.data, c_void_p()
        )
        return sum(chunk.logits for chunk in chunks)
