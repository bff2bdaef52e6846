"""Adapted models, and the same ones in PEFT."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fireside.model.adapter_tensors import joined, stored_linears
from fireside.model.adapters import save_adapter
from fireside.model.families import FAMILIES
from fireside.model.lora import Delta, adapter_parameters, adapters
from fireside.model.transformer import Transformer


def randomised(model: Transformer, seed: int = 4) -> None:
    """Adapters that have learned something: B is no longer zero."""
    dice = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in adapter_parameters(model).values():
            parameter.add_(torch.randn(parameter.shape, generator=dice) * 0.1)


def peft_of(model: Transformer, base: Any, folder: Path) -> Any:
    """Our adapter, through the disk, on transformers' model; trainable."""
    import peft

    save_adapter(model, folder, base="test")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        return peft.PeftModel.from_pretrained(base, str(folder), is_trainable=True).eval()


def stored_gradients(model: Transformer) -> dict[str, Tensor]:
    """Our gradients under the names of an adapter's file, without `.weight`."""
    linears = stored_linears(model.config, FAMILIES[model.config.family].prefixes[0])
    parts = adapters(model)
    gradients = {}
    for name, part in parts.items():
        assert part.lora_a.grad is not None
        assert part.lora_b.grad is not None
        magnitude = None if part.magnitude is None else part.magnitude.grad
        gradients[name] = Delta(
            a=part.lora_a.grad, b=part.lora_b.grad, alpha=part.alpha, magnitude=magnitude
        )
    found = {}
    for name, linear in linears.items():
        if not any(part in parts for part in linear.parts):
            continue
        sizes = {
            part: torch.zeros(rows.stop - rows.start, 1) for part, rows in linear.parts.items()
        }
        whole = joined(linear, gradients, sizes)
        stem = f"base_model.model.{name}."
        found[f"{stem}lora_A"], found[f"{stem}lora_B"] = whole.a, whole.b
        if whole.magnitude is not None:
            found[f"{stem}lora_magnitude_vector"] = whole.magnitude
    return found
