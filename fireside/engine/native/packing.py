"""Weights as the native core reads them: packed into one file, once, and mapped from then on.

The weights stay at the file's own bits: 4 bits of a GGUF file stay 4 bits, in another order.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from fireside.hub import LocalModel
from fireside.hub.gguf import GGUFFile, GGUFTensor, open_gguf
from fireside.model.architecture import ModelConfig

VERSION: Final = 1
"""Raise it with every change of the layout."""
MAGIC: Final = b"fireside native\0"
ALIGNMENT: Final = 64
TILE: Final = 16
KINDS: Final = {
    name: number
    for number, name in enumerate(("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"))
}
"""As `Kind` in `native/model.h`."""
INTERLEAVED: Final = frozenset({"llama"})
"""Families whose GGUF files have the two numbers that a rotation turns beside each other."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A matrix (kind, outputs, inputs) or, with kind -1, a vector of float32."""

    kind: int
    outputs: int
    inputs: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWeights:
    """data: the mapped file, from the first part on."""

    parts: Mapping[str, Part]
    data: Bytes

    def address(self, name: str) -> int | None:
        part = self.parts.get(name)
        return None if part is None else int(self.data.ctypes.data) + part.offset


def can_pack(config: ModelConfig, file: GGUFFile) -> bool:
    """Whether the core runs this model at its file's own bits."""
    shape_fits = (
        config.norm == "rmsnorm" and config.gated_mlp and config.positions == "rotary"
        and config.activation in ("silu", "gelu_tanh") and config.norm_offset == 0
        and not config.post_norms and config.embedding_scale == 1 and not config.logit_softcap
        and not config.mlp_bias and not config.output_bias
        and config.head_dim % TILE == 0 and config.head_dim <= 256
    )  # fmt: skip
    matrices = [each for each in file.tensors.values() if len(each.shape) == 2]
    return shape_fits and all(
        each.type in KINDS and each.shape[0] % TILE == 0 and each.shape[1] % 32 == 0
        for each in matrices
    )


def packed_path(local: LocalModel, cache_dir: Path) -> Path:
    """Where the packed weights of exactly these files belong."""
    states = [
        (str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(local.files or (local.path,))
    ]
    digest = hashlib.sha256(json.dumps([VERSION, states]).encode()).hexdigest()[:16]
    return cache_dir / f"{local.own.stem}-{digest}.native"


def open_packed(path: Path) -> PackedWeights | None:
    """None where it is not there, or not whole."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                return None
            size = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(size))
        mapped = np.memmap(path, np.uint8, "r")
        parts = {name: Part(**each) for name, each in header["parts"].items()}
        if len(mapped) != header["start"] + header["bytes"]:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return PackedWeights(parts=parts, data=mapped[header["start"] :])


def pack_file(
    library: CDLL,
    local: LocalModel,
    config: ModelConfig,
    path: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> PackedWeights:
    """Packs a GGUF file.  Written beside and renamed: a killed one leaves nothing that is read."""
    file = open_gguf(local.own)
    packer = _Packer(library, config, file)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with beside.open("wb") as out:
            packer.write(out, progress)
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    packed = open_packed(path)
    assert packed is not None
    return packed


class _Packer:
    def __init__(self, library: CDLL, config: ModelConfig, file: GGUFFile) -> None:
        self._library = library
        self._config = config
        self._tensors = file.tensors
        is_interleaved = file.metadata.get("general.architecture") in INTERLEAVED
        self._turned = None if is_interleaved else _interleave(config.head_dim)

    def write(self, out: BinaryIO, progress: Callable[[int, int], None]) -> None:
        plan = list(self._plan())
        offset, parts = 0, {}
        for name, tensors, _ in plan:
            part = self._part(tensors, offset)
            parts[name] = part
            offset += -(-self._size(part, tensors) // ALIGNMENT) * ALIGNMENT
        described = {
            name: {k: getattr(each, k) for k in Part.__slots__} for name, each in parts.items()
        }
        header = {"parts": described, "bytes": offset, "start": 0}
        start = -(-(len(MAGIC) + 8 + len(json.dumps(header)) + 20) // 4096) * 4096
        text = json.dumps(header | {"start": start}).encode()
        out.write(MAGIC + len(text).to_bytes(8, "little") + text)
        for done, (name, tensors, order) in enumerate(plan):
            out.seek(start + parts[name].offset)
            out.write(self._packed(name, tensors, order).data)
            progress(done + 1, len(plan))
        out.truncate(start + offset)
        out.flush()
        os.fsync(out.fileno())

    def _plan(self) -> Iterator[tuple[str, list[GGUFTensor], npt.NDArray[np.int32] | None]]:
        """Name, the tensors that it is made of, and an order of their rows."""
        config, tensors = self._config, self._tensors
        yield "embedding", [tensors["token_embd.weight"]], None
        if "output.weight" in tensors:
            yield "head", [tensors["output.weight"]], None
        yield "last_norm", [tensors["output_norm.weight"]], None
        for index in range(config.num_layers):
            layer = f"blk.{index}."
            qkv = [tensors[f"{layer}attn_{each}.weight"] for each in "qkv"]
            yield f"{index}.qkv", qkv, self._turned
            if f"{layer}attn_q.bias" in tensors:
                yield (
                    f"{index}.qkv.bias",
                    [tensors[f"{layer}attn_{e}.bias"] for e in "qkv"],
                    self._turned,
                )
            yield f"{index}.output", [tensors[f"{layer}attn_output.weight"]], None
            yield (
                f"{index}.gate_up",
                [tensors[f"{layer}ffn_{e}.weight"] for e in ("gate", "up")],
                None,
            )
            yield f"{index}.down", [tensors[f"{layer}ffn_down.weight"]], None
            yield f"{index}.attention_norm", [tensors[f"{layer}attn_norm.weight"]], None
            yield f"{index}.mlp_norm", [tensors[f"{layer}ffn_norm.weight"]], None
            for each in "qk":
                if f"{layer}attn_{each}_norm.weight" in tensors:
                    yield (
                        f"{index}.{each}_norm",
                        [tensors[f"{layer}attn_{each}_norm.weight"]],
                        self._turned,
                    )

    def _part(self, tensors: Sequence[GGUFTensor], offset: int) -> Part:
        first = tensors[0]
        outputs = sum(each.shape[0] for each in tensors)
        if len(first.shape) == 1:
            return Part(kind=-1, outputs=outputs, inputs=0, offset=offset)
        return Part(kind=KINDS[first.type], outputs=outputs, inputs=first.shape[1], offset=offset)

    def _size(self, part: Part, tensors: Sequence[GGUFTensor]) -> int:
        if part.kind < 0:
            return 4 * part.outputs
        kind = KINDS[tensors[0].type]
        return int(self._library.fireside_packed_bytes(kind, part.outputs, part.inputs))

    def _packed(
        self, name: str, tensors: Sequence[GGUFTensor], turned: npt.NDArray[np.int32] | None
    ) -> npt.NDArray[Any]:
        if len(tensors[0].shape) == 1:
            pieces = [each.dequantize().astype(np.float32) for each in tensors]
            if turned is not None:  # of queries and keys, which come first; values are not turned
                pieces[:2] = [each[_of_heads(turned, len(each))] for each in pieces[:2]]
            return np.concatenate(pieces)
        packed = []
        for place, each in enumerate(tensors):
            order = None if turned is None or place == 2 else _of_heads(turned, each.shape[0])
            packed.append(self._pack(each, order))
        if name.endswith("gate_up"):  # their tiles alternate
            tiles = [
                each.reshape(tensor.shape[0] // TILE, -1)
                for each, tensor in zip(packed, tensors, strict=True)
            ]
            return np.stack(tiles, 1).reshape(-1)
        return np.concatenate(packed)

    def _pack(self, tensor: GGUFTensor, order: npt.NDArray[np.int32] | None) -> Bytes:
        kind, (outputs, inputs) = KINDS[tensor.type], tensor.shape
        packed = np.zeros(self._library.fireside_packed_bytes(kind, outputs, inputs), np.uint8)
        self._library.fireside_pack(
            kind, tensor.raw.ctypes.data, outputs, inputs,
            None if order is None else order.ctypes.data, packed.ctypes.data,
        )  # fmt: skip
        return packed


def _interleave(head_dim: int) -> npt.NDArray[np.int32]:
    """First and second half of a head, number by number."""
    return np.arange(head_dim, dtype=np.int32).reshape(2, -1).T.reshape(-1)


def _of_heads(turned: npt.NDArray[np.int32], width: int) -> npt.NDArray[np.int32]:
    heads = np.arange(0, width, len(turned), dtype=np.int32)
    return np.ascontiguousarray((heads[:, None] + turned).reshape(-1))
