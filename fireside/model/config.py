"""Where a `ModelConfig` comes from: the one door to `config_hf.py` and `config_gguf.py`.

This file refuses to interpret anything itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fireside.model.architecture import LinearScaling, Llama3Scaling, ModelConfig, Rope
from fireside.model.config_gguf import config_from_gguf
from fireside.model.config_hf import config_from_hf, config_to_hf, read_json

if TYPE_CHECKING:
    from fireside.hub import LocalModel

__all__ = [
    "LinearScaling",
    "Llama3Scaling",
    "ModelConfig",
    "Rope",
    "config_from_gguf",
    "config_from_hf",
    "config_of",
    "config_to_hf",
    "read_json",
]


def config_of(local: LocalModel) -> ModelConfig:
    """The config of a model on disk, as its files bear it out: a head of its own is one."""
    from fireside.model.weights import open_base

    return open_base(local).config
