"""The file of packed weights: a header that says where each part lies, then the parts.

    "fireside native\\0" | length of the header, 8 bytes | SHA-256 of the header |
    header, JSON | padding | parts

It is a cache in `FIRESIDE_HOME/cache`, named after everything that the weights depend on.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from fireside.hub import LocalModel

VERSION: Final = 3
"""Raise it with every change of the layout."""
MAGIC: Final = b"fireside native\0"
ALIGNMENT: Final = 64
PAGE: Final = 4096
LONGEST_HEADER: Final = 1 << 26
DIGEST: Final = 32
"""Bytes."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A matrix (kind, outputs, inputs) or, with kind -1, a vector of float32.

    offset: from the first part on, in bytes.
    """

    kind: int
    outputs: int
    inputs: int
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedWeights:
    """data: the mapped file, from the first part on."""

    parts: Mapping[str, Part]
    data: npt.NDArray[np.uint8]

    def address(self, name: str) -> int | None:
        part = self.parts.get(name)
        return None if part is None else int(self.data.ctypes.data) + part.offset


def packed_path(local: LocalModel, cache_dir: Path) -> Path:
    """Where the packed weights of exactly these files belong."""
    states = [
        (str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(local.files or (local.path,))
    ]
    digest = hashlib.sha256(json.dumps([VERSION, states]).encode()).hexdigest()[:16]
    return cache_dir / f"{local.own.stem}-{digest}.native"


def write_header(out: BinaryIO, parts: Mapping[str, Part], size: int, source: Path) -> None:
    """size: of all parts, in bytes.  source: the model's own file or folder."""
    described = {name: asdict(each) for name, each in parts.items()}
    header: dict[str, Any] = {"source": str(source), "parts": described, "bytes": size, "start": 0}
    room = len(MAGIC) + 8 + DIGEST + len(json.dumps(header)) + 20
    header["start"] = -(-room // PAGE) * PAGE
    text = json.dumps(header).encode()
    out.write(MAGIC + len(text).to_bytes(8, "little") + hashlib.sha256(text).digest() + text)
    out.write(bytes(header["start"] - out.tell()))


def open_packed(path: Path) -> PackedWeights | None:
    """None where it is not there, or not whole."""
    try:
        with path.open("rb") as file:
            header = _read_header(file)
        mapped = np.memmap(path, np.uint8, "r")
        return packed_in(mapped, header)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def packed_in(content: npt.NDArray[np.uint8], header: Mapping[str, Any]) -> PackedWeights:
    """
    Raises:
        ValueError, KeyError, TypeError: it is not whole.
    """
    if len(content) != header["start"] + header["bytes"]:
        raise ValueError
    parts = {name: Part(**each) for name, each in header["parts"].items()}
    return PackedWeights(parts=parts, data=content[header["start"] :])


def packed_of_bytes(content: BinaryIO, buffer: memoryview) -> PackedWeights:
    """What a file in memory holds."""
    content.seek(0)
    return packed_in(np.frombuffer(buffer, np.uint8), _read_header(content))


def _read_header(file: BinaryIO) -> Mapping[str, Any]:
    """
    Raises:
        ValueError: it has none, or a damaged one: the core trusts every offset.
    """
    if file.read(len(MAGIC)) != MAGIC:
        raise ValueError
    size = int.from_bytes(file.read(8), "little")
    digest = file.read(DIGEST)
    if size > LONGEST_HEADER:
        raise ValueError
    text = file.read(size)
    if hashlib.sha256(text).digest() != digest:
        raise ValueError
    header: Mapping[str, Any] = json.loads(text)
    return header


def forget_others(cache_dir: Path, source: Path) -> None:
    """Delete what was packed from older files of this model, or from files that are gone."""
    for path in cache_dir.glob("*.native"):
        try:
            with path.open("rb") as file:
                owner = Path(_read_header(file)["source"])
        except (OSError, ValueError, KeyError, TypeError):
            owner = source
        if owner == source or not owner.exists():
            with suppress(OSError):
                path.unlink()
