"""The weights of a Hugging Face folder: `model.safetensors`, whole or in shards.

Format: huggingface.co/docs/safetensors.  A length, a JSON header, then bytes.  The header is held
against the file before the library sees it: every tensor inside, none over another, shapes that
fit their bytes.  Whatever is wrong becomes one `Corrupt` line.

Refuses pickles (.bin, .pt, .ckpt: never opened), shards outside the folder, and to import torch
before a tensor is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Never, TypeGuard

from fireside.errors import Corrupt, NotFound, Unavailable

if TYPE_CHECKING:
    from torch import Tensor

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
# The header of a model of 8 B parameters has 40 KB; an index of 100,000 tensors some 8 MB.
LARGEST_JSON = 1 << 24
MOST_DIMS = 8
ITEM_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64, "U64": 64, "C64": 64,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """Where a tensor lies and what it is, from the header alone."""

    file: Path
    dtype: str
    shape: tuple[int, ...]


class SafetensorsFolder:
    """The tensors of a folder by name; files are opened on first use and kept mapped."""

    def __init__(self, folder: Path, tensors: Mapping[str, StoredTensor]) -> None:
        self.folder = folder
        self.tensors = MappingProxyType(dict(tensors))
        self._open = cache(_open)

    def keys(self) -> Iterable[str]:
        return self.tensors.keys()

    def shape(self, name: str) -> tuple[int, ...]:
        return self.tensors[name].shape

    def dtype(self, name: str) -> str:
        """The file's own word: "F32", "BF16" ..."""
        return self.tensors[name].dtype

    def load(self, name: str) -> Tensor:
        """The tensor, in the file's own type, on the CPU.

        Raises:
            Corrupt: the library will not read it after all.
        """
        stored = self.tensors[name]
        try:
            tensor: Tensor = self._open(stored.file).get_tensor(name)
        except Exception as error:  # the library's own error class is no public name
            raise Corrupt(f"{stored.file.name}: {name}: {error}. Pull the model again.") from None
        return tensor


def open_safetensors(folder: Path | str) -> SafetensorsFolder:
    """Read and check the headers of a folder's weights.

    Raises:
        NotFound: the folder holds no safetensors weights.
        Corrupt: an index or a file is truncated, lying or hostile.
    """
    folder = Path(folder)
    tensors: dict[str, StoredTensor] = {}
    for path in weight_files(folder):
        tensors |= read_header(path)
    return SafetensorsFolder(folder, tensors)


def weight_files(folder: Path) -> list[Path]:
    """The files that hold a folder's weights, as transformers chooses them: `model.safetensors`
    before any index, and of an index the shards alone, for the shards say themselves what they
    hold.  Where a tensor stands in two shards, the later one counts.

    Raises:
        NotFound: the folder holds no safetensors weights.
        Corrupt: an index that is hostile, or names a shard that is not there.
    """
    if (folder / SINGLE).is_file():
        return [folder / SINGLE]
    if (folder / INDEX).is_file():
        return _shards(folder)
    others = sorted(folder.glob("*.safetensors"))
    if len(others) != 1:
        raise NotFound(f"{folder} holds no {SINGLE}: check the path, or pull the model again.")
    return others


def read_header(path: Path) -> dict[str, StoredTensor]:
    """The tensors of one file, each checked against its bytes.

    Raises:
        Corrupt: see above.
        Unavailable: the file cannot be read.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > size - 8:
                _corrupt(path, "its header reaches past the end of the file")
            if length > LARGEST_JSON:
                _corrupt(path, f"its header claims {length:,} bytes")
            header = _parse(path, file.read(length))
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from None
    header.pop("__metadata__", None)
    tensors: dict[str, StoredTensor] = {}
    spans: list[tuple[int, int, str]] = []
    for name, fields in header.items():
        dtype, shape, begin, end = _fields(path, name, fields)
        if end > size - 8 - length:
            _corrupt(path, f"the tensor {name[:80]!r} reaches past the end of the file")
        tensors[name] = StoredTensor(file=path, dtype=dtype, shape=shape)
        spans.append((begin, end, name))
    last = 0
    for begin, end, name in sorted(spans):
        if begin != last:
            _corrupt(path, f"the tensor {name[:80]!r} overlaps another or leaves a hole")
        last = end
    if last != size - 8 - length:
        _corrupt(path, "bytes are left over behind the last tensor")
    return tensors


def _fields(path: Path, name: str, fields: object) -> tuple[str, tuple[int, ...], int, int]:
    """dtype, shape, begin and end of one header entry."""
    what = f"the entry of {name[:80]!r}"
    if not isinstance(fields, dict):
        _corrupt(path, f"{what} is no object")
    dtype, shape, span = (fields.get(key) for key in ("dtype", "shape", "data_offsets"))
    if not isinstance(dtype, str) or dtype not in ITEM_BITS:
        _corrupt(path, f"{what} has the unknown type {str(dtype)[:20]!r}")
    if not _counts(shape) or len(shape) > MOST_DIMS:
        _corrupt(path, f"{what} has no sound shape")
    if not _counts(span) or len(span) != 2:
        _corrupt(path, f"{what} has no sound offsets")
    begin, end = span
    if end - begin != prod(shape) * ITEM_BITS[dtype] // 8:
        _corrupt(path, f"{what} has {end - begin:,} bytes for the shape {shape}")
    return dtype, tuple(shape), begin, end


def _shards(folder: Path) -> list[Path]:
    index = folder / INDEX
    try:
        if index.stat().st_size > LARGEST_JSON:
            _corrupt(index, "it is too large for an index")
        weight_map = _parse(index, index.read_bytes()).get("weight_map")
    except OSError as error:
        raise Unavailable(f"{index} cannot be read: {error.strerror}.") from None
    if not isinstance(weight_map, dict) or not weight_map:
        _corrupt(index, "it has no weight_map")
    for name, shard in weight_map.items():
        if not isinstance(shard, str) or not _plain(shard):
            _corrupt(index, f"it sends {name[:80]!r} to {str(shard)[:80]!r}, outside its folder")
        if not (folder / shard).is_file():
            _corrupt(index, f"the shard {shard} is missing")
    return [folder / shard for shard in sorted(set(weight_map.values()))]


def _plain(shard: str) -> bool:
    """A file name of our kind and nothing else: no folder, no drive, no index again."""
    return shard.endswith(".safetensors") and not any(mark in shard for mark in "/\\:\0")


def _counts(value: object) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(
        type(item) is int and 0 <= item < 2**63 for item in value
    )


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        fields = dict(pairs)
        if len(fields) != len(pairs):
            _corrupt(path, "a name stands twice in its header")
        return fields

    try:
        parsed = json.loads(text.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):
        _corrupt(path, "its header is no JSON")
    if not isinstance(parsed, dict):
        _corrupt(path, "its header is no JSON object")
    return parsed


def _corrupt(path: Path, what: str) -> Never:
    raise Corrupt(f"{path.name} is not sound: {what}. Pull or download it again.")


def _open(path: Path) -> Any:
    from safetensors import safe_open

    return safe_open(path, framework="pt")
