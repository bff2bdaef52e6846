"""Weights as the native core reads them: packed into one file, once, and mapped from then on.

What stands in a GGUF file at 4 to 8 bits stays at its own bits, in another order.  Everything else
becomes 8 bits, each 32 numbers with a scale (GGML's Q8_0): floats of GGUF and safetensors files,
types that the core does not know, and what an adapter changes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from ctypes import CDLL
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from fireside.engine.native.packed_weights import (
    ALIGNMENT,
    PackedWeights,
    Part,
    forget_others,
    open_packed,
    packed_of_bytes,
    write_header,
)
from fireside.errors import Unsupported
from fireside.hub import LocalModel
from fireside.hub.quants import quantize_q8_0
from fireside.model.architecture import ModelConfig
from fireside.model.weights import Weights, open_weights

TILE: Final = 16
MOST_DIM: Final = 256
MOST_SHARING: Final = 16
"""Query heads of a key head."""
KINDS: Final = {
    name: number
    for number, name in enumerate(("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"))
}
"""As `Kind` in `native/model.h`."""
QUANTISED: Final = "Q8_0"
"""What weights of any other type become."""
PARTS: Final = {
    "q": ("self_attn.q_proj.weight",),
    "q.bias": ("self_attn.q_proj.bias",),
    "k": ("self_attn.k_proj.weight",),
    "k.bias": ("self_attn.k_proj.bias",),
    "v": ("self_attn.v_proj.weight",),
    "v.bias": ("self_attn.v_proj.bias",),
    "output": ("self_attn.o_proj.weight",),
    "gate_up": ("mlp.gate_proj.weight", "mlp.up_proj.weight"),
    "down": ("mlp.down_proj.weight",),
    "attention_norm": ("input_layernorm.weight",),
    "mlp_norm": ("post_attention_layernorm.weight",),
    "q_norm": ("self_attn.q_norm.weight",),
    "k_norm": ("self_attn.k_norm.weight",),
    "attention_post_norm": ("self_attn.post_norm.weight",),
    "mlp_post_norm": ("mlp.post_norm.weight",),
}
"""Of a layer: the core's name, and the weight or the two whose tiles alternate."""
TURNED: Final = frozenset({"q", "q.bias", "k", "k.bias", "q_norm", "k_norm"})
"""The core has the two numbers that a rotation turns beside each other."""

log = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]


def why_not_packed(config: ModelConfig) -> str:
    """As a clause; empty where the core runs such a model."""
    has_known_parts = (
        config.norm == "rmsnorm" and config.gated_mlp and config.positions == "rotary"
        and config.activation in ("silu", "gelu_tanh") and not config.logit_softcap
        and not config.mlp_bias and not config.output_bias
    )  # fmt: skip
    if not has_known_parts:
        return f"it does not know the family {config.family}"
    matrices = [shape for shape in config.shapes().values() if len(shape) == 2]
    has_known_sizes = (
        config.head_dim % TILE == 0 and config.head_dim <= MOST_DIM
        and config.num_heads // config.num_kv_heads <= MOST_SHARING
        and all(outputs % TILE == 0 and inputs % 32 == 0 for outputs, inputs in matrices)
    )  # fmt: skip
    return "" if has_known_sizes else "it does not know a size that the model has"


def pack_model(
    library: CDLL,
    local: LocalModel,
    path: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PackedWeights:
    """Pack a model into the file `path`, or into memory where that cannot be written.

    It is written beside and renamed: a killed one leaves nothing that is read.

    Raises:
        Corrupt, Unsupported: its weights are not those that its description asks for.
    """
    packer = _Packer(library, open_weights(local), local.own.resolve())
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        forget_others(path.parent, local.own.resolve())
        with beside.open("wb") as out:
            packer.write(out, progress)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except OSError as error:
        log.warning("The packed weights cannot be kept in %s: %s.", path.parent, error)
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    if packed := open_packed(path):
        return packed
    memory = BytesIO()
    packer.write(memory, progress)
    return packed_of_bytes(memory, memory.getbuffer())


class _Packer:
    def __init__(self, library: CDLL, weights: Weights, source: Path) -> None:
        self._library = library
        self._weights = weights
        self._config = weights.config
        self._source = source
        self._shapes = self._config.shapes()

    def write(self, out: BinaryIO, progress: Callable[[int, int], None]) -> None:
        plan = list(self._plan())
        parts: dict[str, Part] = {}
        size = 0
        for name, stored, _ in plan:
            parts[name] = self._part(stored, size)
            size += _aligned(self._bytes_of(parts[name]))
        write_header(out, parts, size, self._source)
        for done, (_, stored, is_turned) in enumerate(plan):
            content = self._packed(stored, is_turned)
            out.write(content.data)
            out.write(bytes(_aligned(content.nbytes) - content.nbytes))
            progress(done + 1, len(plan))

    def _plan(self) -> Iterator[tuple[str, tuple[str, ...], bool]]:
        """Name, the weights that it is made of, and whether their rows are turned."""
        yield "embedding", ("model.embed_tokens.weight",), False
        if not self._config.tied_head:
            yield "head", ("lm_head.weight",), False
        yield "last_norm", ("model.norm.weight",), False
        for index in range(self._config.num_layers):
            for name, stored in PARTS.items():
                names = tuple(f"model.layers.{index}.{each}" for each in stored)
                if names[0] in self._shapes:
                    yield f"{index}.{name}", names, name in TURNED

    def _part(self, stored: tuple[str, ...], offset: int) -> Part:
        outputs = sum(self._shapes[each][0] for each in stored)
        if len(self._shapes[stored[0]]) == 1:
            return Part(kind=-1, outputs=outputs, inputs=0, offset=offset)
        inputs = self._shapes[stored[0]][1]
        return Part(kind=KINDS[self._type(stored)], outputs=outputs, inputs=inputs, offset=offset)

    def _bytes_of(self, part: Part) -> int:
        if part.kind < 0:
            return 4 * part.outputs
        return int(self._library.fireside_packed_bytes(part.kind, part.outputs, part.inputs))

    def _type(self, stored: tuple[str, ...]) -> str:
        """That of the file, if it is one that the core knows, and the same for all of them."""
        tensors = [self._weights.raw(each) for each in stored]
        types = {"" if each is None else each.type for each in tensors}
        only = types.pop()
        return only if not types and only in KINDS else QUANTISED

    def _packed(self, stored: tuple[str, ...], is_turned: bool) -> npt.NDArray[Any]:
        if len(self._shapes[stored[0]]) == 1:
            return self._vector(stored[0], is_turned)
        kind = self._type(stored)
        packed = [self._matrix(each, kind, is_turned) for each in stored]
        if len(packed) == 1:
            return packed[0]
        tiles = self._shapes[stored[0]][0] // TILE
        return np.stack([each.reshape(tiles, -1) for each in packed], 1).reshape(-1)

    def _vector(self, name: str, is_turned: bool) -> npt.NDArray[np.float32]:
        values, rows = self._floats(name)
        order = self._order(len(values), rows, is_turned)
        if order is not None:
            values = values[order]
        if name.endswith("norm.weight") and self._config.norm_offset:
            values = values + np.float32(self._config.norm_offset)
        return values

    def _matrix(self, name: str, kind: str, is_turned: bool) -> npt.NDArray[np.uint8]:
        outputs, inputs = self._shapes[name]
        raw = self._weights.raw(name)
        if raw is not None and raw.type == kind:
            blocks, rows = raw.raw, self._weights.row_order(name)
        else:
            values, rows = self._floats(name)
            try:
                blocks = quantize_q8_0(values)
            except OverflowError:
                raise Unsupported(f"{name} has numbers that 8 bits cannot hold") from None
        order = self._order(outputs, rows, is_turned)
        packed = np.zeros(
            self._library.fireside_packed_bytes(KINDS[kind], outputs, inputs), np.uint8
        )
        self._library.fireside_pack(
            KINDS[kind], blocks.ctypes.data, outputs, inputs,
            None if order is None else order.ctypes.data, packed.ctypes.data,
        )  # fmt: skip
        return packed

    def _floats(self, name: str) -> tuple[npt.NDArray[np.float32], Rows | None]:
        """A weight, and which of its rows is each row of the model; None where they are the same.

        Without torch where the file is GGUF: loading it takes longer than to pack a small model.
        """
        raw = self._weights.raw(name)
        if raw is not None:
            return raw.dequantize(), self._weights.row_order(name)
        return np.ascontiguousarray(self._weights.load(name).numpy()), None

    def _order(
        self, outputs: int, rows: Rows | None, is_turned: bool
    ) -> npt.NDArray[np.int32] | None:
        """The stored row for each output of the core, or None where they are the same."""
        if is_turned:
            turned = _interleaved(outputs, self._config.head_dim)
            rows = turned if rows is None else rows[turned]
        return None if rows is None else np.ascontiguousarray(rows, np.int32)


def _interleaved(outputs: int, head_dim: int) -> Rows:
    """Of each head: first and second half, number by number."""
    one = np.arange(head_dim).reshape(2, -1).T.reshape(-1)
    return (np.arange(0, outputs, head_dim)[:, None] + one).reshape(-1)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
