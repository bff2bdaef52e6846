"""A GGUF file, memory-mapped: its metadata and its tensors.

Format: docs/gguf.md of ggml-org/ggml; versions 2 and 3, little-endian.

    "GGUF" | version u32 | tensors u64 | keys u64 | key, type, value ... |
    name, dims, type, offset ... | padding to `general.alignment` | data

Nothing in the file is believed.  Each count is held against the bytes that are left before
anything is allocated for it, each tensor must lie inside the file and beside the others, and
whatever is wrong becomes one `Corrupt` line.  Refuses version 1, big-endian files, arrays of
arrays (the format allows them, no model uses them), and to write.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from types import MappingProxyType
from typing import Any, Never, TypeAlias
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from fireside.errors import Corrupt, NotFound, Unavailable
from fireside.hub.quants import QUANT_TYPES, QuantType, dequantize

MetadataValue: TypeAlias = str | int | float | bool | list[str] | npt.NDArray[Any]

U32, U64 = Struct("<I"), Struct("<Q")
STRING, ARRAY, BOOL = 8, 9, 7
# Value types by number: numpy's spelling of each scalar.
SCALARS = {
    0: "<u1", 1: "<i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4",
    6: "<f4", 7: "<u1", 10: "<u8", 11: "<i8", 12: "<f8",
}  # fmt: skip
HEADER_BYTES = 24
# Real files: below 100 keys, 10,000 tensors, 600,000 merges.  More is an attack on our memory.
MOST_KEYS = MOST_TENSORS = 1 << 16
MOST_STRINGS = 1 << 22
LONGEST_NAME = 1 << 16
MOST_DIMS = 4
LARGEST_ALIGNMENT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class GGUFTensor:
    """One tensor of the file.  `shape` is row-major, (out, in), the reverse of GGUF's own order.

    `raw` is its bytes, mapped and read-only: uint8, flat.
    """

    name: str
    shape: tuple[int, ...]
    type: str
    raw: npt.NDArray[np.uint8] = field(repr=False, compare=False)

    @property
    def size(self) -> int:
        """How many weights."""
        return int(np.prod(self.shape, dtype=np.int64))

    def dequantize(self) -> npt.NDArray[np.float32]:
        """The weights as a new float32 array of `shape`.

        Raises:
            Unsupported: a quantisation that we do not decode.
        """
        return dequantize(self.raw, self.type).reshape(self.shape)


@dataclass(frozen=True, slots=True, kw_only=True, weakref_slot=True)
class GGUFFile:
    """An open file; the mapping lives as long as it or one of its tensors."""

    path: Path
    version: int
    metadata: Mapping[str, MetadataValue] = field(repr=False)
    tensors: Mapping[str, GGUFTensor] = field(repr=False)


_held: WeakValueDictionary[tuple[str, int, int, int, int], GGUFFile] = WeakValueDictionary()
"""The files that somebody holds open: a list of 49,000 tokens takes a tenth of a second to read."""


def open_gguf(path: Path | str) -> GGUFFile:
    """Map a file, read its metadata, and check that every tensor is where it says.

    A file that is held open already, and has not changed, is the same object.

    Raises:
        NotFound: there is no such file.
        Unavailable: it cannot be read.
        Corrupt: it is truncated, lying, hostile, or no GGUF file that we read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            state = os.fstat(file.fileno())
            key = (str(path), state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
            if (held := _held.get(key)) is not None:
                return held
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        raise NotFound(f"There is no file {path}: check the path.") from None
    except ValueError:
        raise Corrupt(f"{path.name} is empty: pull or download it again.") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}.") from None
    reader = _Reader(mapped, path)
    version, num_tensors, num_keys = reader.header()
    metadata = reader.metadata(num_keys)
    if isinstance(parts := metadata.get("split.count"), int) and parts > 1:
        reader.corrupt("it is one part of a split file; Fireside reads files in one piece")
    tensors = reader.tensors(num_tensors, metadata)
    opened = _held[key] = GGUFFile(
        path=path,
        version=version,
        metadata=MappingProxyType(metadata),
        tensors=MappingProxyType(tensors),
    )
    return opened


class _Reader:
    """Walks the file once, front to back; `at` is the next byte."""

    def __init__(self, mapped: mmap.mmap, path: Path) -> None:
        self.mapped, self.path, self.size, self.at = mapped, path, len(mapped), 0

    def corrupt(self, what: str) -> Never:
        raise Corrupt(
            f"{self.path.name} is not a sound GGUF file: {what}. Pull or download it again."
        )

    def need(self, count: int, what: str) -> int:
        """Claim `count` bytes; returns where they start."""
        start = self.at
        if count > self.size - start:
            self.corrupt(f"it ends within {what}, at byte {start:,} of {self.size:,}")
        self.at = start + count
        return start

    def u32(self, what: str) -> int:
        return int(U32.unpack_from(self.mapped, self.need(4, what))[0])

    def u64(self, what: str) -> int:
        return int(U64.unpack_from(self.mapped, self.need(8, what))[0])

    def text(self, what: str, longest: int | None = None) -> str:
        length = self.u64(what)
        if longest is not None and length > longest:
            self.corrupt(f"{what} claims {length:,} bytes")
        start = self.need(length, what)
        try:
            return self.mapped[start : self.at].decode()
        except UnicodeDecodeError:
            self.corrupt(f"{what} is not UTF-8")

    def header(self) -> tuple[int, int, int]:
        """Version, number of tensors, number of metadata keys."""
        if self.size < HEADER_BYTES or self.mapped[:4] != b"GGUF":
            self.corrupt("it does not begin as one")
        self.at = 4
        version = self.u32("the header")
        if version and not version & 0xFFFF:
            self.corrupt("it is big-endian, which Fireside does not read; take the usual file")
        if version not in (2, 3):
            self.corrupt(f"it is of version {version}, and Fireside reads 2 and 3")
        num_tensors, num_keys = self.u64("the header"), self.u64("the header")
        if num_tensors > MOST_TENSORS or num_keys > MOST_KEYS:
            self.corrupt(f"it claims {num_tensors:,} tensors and {num_keys:,} keys")
        return version, num_tensors, num_keys

    def metadata(self, count: int) -> dict[str, MetadataValue]:
        found: dict[str, MetadataValue] = {}
        for _ in range(count):
            key = self.text("a metadata key", LONGEST_NAME)
            if key in found:
                self.corrupt(f"the key {key!r} stands twice")
            found[key] = self.value(self.u32("metadata"), f"the value of {key!r}")
        return found

    def value(self, kind: int, what: str) -> MetadataValue:
        if kind == STRING:
            return self.text(what)
        if kind == ARRAY:
            return self.array(what)
        if kind not in SCALARS:
            self.corrupt(f"{what} has the unknown type {kind}")
        number: int | float | bool = self.numbers(kind, 1, what)[0].item()
        return number

    def numbers(self, kind: int, count: int, what: str) -> npt.NDArray[Any]:
        dtype = np.dtype(SCALARS[kind])
        start = self.need(count * dtype.itemsize, what)
        numbers = np.frombuffer(self.mapped, dtype, count, start)
        return numbers.astype(bool) if kind == BOOL else numbers.copy()

    def array(self, what: str) -> MetadataValue:
        kind, count = self.u32(what), self.u64(what)
        if kind == STRING:
            return self.strings(count, what)
        if kind not in SCALARS:
            self.corrupt(f"{what} is an array of the unknown type {kind}")
        return self.numbers(kind, count, what)

    def strings(self, count: int, what: str) -> list[str]:
        """A token list or the merges: up to hundreds of thousands, so one tight loop."""
        if count > MOST_STRINGS or count * 8 > self.size - self.at:
            self.corrupt(f"{what} claims {count:,} strings")
        mapped, at, size, as_number = self.mapped, self.at, self.size, int.from_bytes
        found: list[str] = []
        try:
            for _ in range(count):
                start = at + 8
                at = start + as_number(mapped[at:start], "little")
                if at > size:  # with the text, or with the length itself
                    self.corrupt(f"it ends within {what}")
                found.append(mapped[start:at].decode())
        except UnicodeDecodeError:
            self.corrupt(f"{what} holds text that is not UTF-8")
        self.at = at
        return found

    def tensors(self, count: int, metadata: Mapping[str, MetadataValue]) -> dict[str, GGUFTensor]:
        places: dict[str, tuple[tuple[int, ...], QuantType, int, int]] = {}
        for _ in range(count):
            name = self.text("a tensor's name", LONGEST_NAME)
            if name in places:
                self.corrupt(f"the tensor {name!r} stands twice")
            places[name] = self.place(name)
        alignment = self.alignment(metadata)
        data = -(-self.at // alignment) * alignment
        end_of_last, last = 0, ""
        for name, (_, _, offset, length) in sorted(places.items(), key=lambda item: item[1][2]):
            if offset % alignment:
                self.corrupt(f"the tensor {name!r} is not aligned to {alignment} bytes")
            if offset < end_of_last:
                self.corrupt(f"the tensors {last!r} and {name!r} overlap")
            end_of_last, last = offset + length, name
            if data + end_of_last > self.size:
                self.corrupt(f"the tensor {name!r} reaches past the end of the file")
        content = np.frombuffer(self.mapped, np.uint8)
        return {
            name: GGUFTensor(
                name=name,
                shape=shape,
                type=kind.name,
                raw=content[data + offset : data + offset + length],
            )
            for name, (shape, kind, offset, length) in places.items()
        }

    def place(self, name: str) -> tuple[tuple[int, ...], QuantType, int, int]:
        """Shape, type, offset into the data and length in bytes of the next tensor."""
        what = f"the tensor {name!r}"
        num_dims = self.u32(what)
        if num_dims > MOST_DIMS:
            self.corrupt(f"{what} claims {num_dims:,} dimensions")
        dims = [self.u64(what) for _ in range(num_dims)]
        kind = QUANT_TYPES.get(number := self.u32(what))
        if kind is None:
            self.corrupt(f"{what} has the unknown type {number}")
        offset = self.u64(what)
        weights = 1
        for dim in dims:
            weights *= dim
        if not weights or (dims and dims[0] % kind.block) or (not dims and kind.block > 1):
            self.corrupt(f"{what} has the impossible shape {dims} for {kind.name}")
        return tuple(reversed(dims)), kind, offset, weights // kind.block * kind.bytes

    def alignment(self, metadata: Mapping[str, MetadataValue]) -> int:
        alignment = metadata.get("general.alignment", 32)
        if (
            not isinstance(alignment, int)
            or not 0 < alignment <= LARGEST_ALIGNMENT
            or alignment & (alignment - 1)
        ):
            self.corrupt(f"its alignment is {str(alignment)[:40]}")
        return alignment
