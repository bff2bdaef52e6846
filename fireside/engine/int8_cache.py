"""Rounded weights kept on disk, so that a model is rounded once and then only mapped.

Rounding the default model takes a second and a half, an 8-billion one minutes; reading the result
takes a tenth of a second.  One safetensors file per model under `FIRESIDE_HOME/cache`, named after
everything that it depends on: the files' paths, sizes and times, and `VERSION`.  It is a cache:
losing it costs time, and a damaged one is made again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from fireside.engine.int8 import Int8Layer, Int8Linear, Int8Weights
from fireside.engine.rotation import Blocks
from fireside.hub import LocalModel
from fireside.model.config import ModelConfig

log = logging.getLogger(__name__)

# Raise it with every change of rounding, rotation or layout.
VERSION = 3


def cache_path(local: LocalModel, cache_dir: Path) -> Path:
    """Where the rounded weights of exactly these files belong."""
    states = [
        (str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns)
        for file in sorted(local.files or (local.path,))
    ]
    digest = hashlib.sha256(json.dumps([VERSION, states]).encode()).hexdigest()[:16]
    return cache_dir / f"{local.own.stem}-{digest}.int8.safetensors"


def read_rounded(path: Path, config: ModelConfig) -> Int8Weights | None:
    """What `write_rounded` wrote; None if it is not there or not whole."""
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            # Copied: in the file they begin at any byte, and the kernels take twice as long then.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        return _assembled(tensors, config)
    except (SafetensorError, KeyError, OSError) as error:
        log.warning("%s is damaged (%s): rounding the model again.", path, error)
        return None


def write_rounded(path: Path, weights: Int8Weights, local: LocalModel) -> None:
    """Write beside and rename.  A full disk costs the cache, not the answer."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _forget_others(path.parent, local)
        save_file(dict(_named(weights)), beside, {"source": str(local.own.resolve())})
        beside.replace(path)
    except (OSError, SafetensorError) as error:
        beside.unlink(missing_ok=True)
        log.warning("The rounded weights could not be kept in %s: %s.", path.parent, error)


def _forget_others(cache_dir: Path, local: LocalModel) -> None:
    """Drop what was rounded from older files of this model, or from files that are gone."""
    for path in cache_dir.glob("*.int8.safetensors"):
        try:
            with safe_open(path, framework="pt") as file:
                source = Path((file.metadata() or {}).get("source", ""))
        except (SafetensorError, OSError):
            source = Path()
        if source == local.own.resolve() or not source.exists():
            path.unlink(missing_ok=True)


def _named(weights: Int8Weights) -> Iterator[tuple[str, Tensor]]:
    yield "embedding", weights.embedding
    yield from _linear("head", weights.head)
    for index, layer in enumerate(weights.layers):
        for field in fields(layer):
            part = getattr(layer, field.name)
            if isinstance(part, Int8Linear):
                yield from _linear(f"{index}.{field.name}", part)
            elif part is not None:
                yield f"{index}.{field.name}", part


def _linear(name: str, linear: Int8Linear) -> Iterator[tuple[str, Tensor]]:
    yield f"{name}.weight", linear.weight.t()
    yield f"{name}.scale", linear.scale
    if linear.bias is not None:
        yield f"{name}.bias", linear.bias


def _assembled(tensors: dict[str, Tensor], config: ModelConfig) -> Int8Weights:
    def linear(name: str) -> Int8Linear:
        weight, scale = tensors[f"{name}.weight"].t(), tensors[f"{name}.scale"]
        return Int8Linear(weight, scale, tensors.get(f"{name}.bias"))

    return Int8Weights(
        config=config,
        embedding=tensors["embedding"].to(torch.float16),
        layers=tuple(
            Int8Layer(
                qkv=linear(f"{index}.qkv"),
                output=linear(f"{index}.output"),
                gate_up=linear(f"{index}.gate_up"),
                down=linear(f"{index}.down"),
                q_norm=tensors.get(f"{index}.q_norm"),
                k_norm=tensors.get(f"{index}.k_norm"),
            )
            for index in range(config.num_layers)
        ),
        head=linear("head"),
        down_rotation=Blocks.of(config.mlp_width),
    )
