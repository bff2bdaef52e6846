"""The weights of a checkpoint as a Hugging Face folder, in the precision that they are trained in.

An adapter has files of its own (`model/adapters.py`).  This file refuses a checkpoint of another
shape, and says what differs.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import torch

from fireside.errors import Corrupt
from fireside.hub.safetensors import open_safetensors
from fireside.model.config import config_from_hf, read_json
from fireside.model.save import save_model
from fireside.model.transformer import Transformer
from fireside.model.weights import weights_from_hf


@dataclass(frozen=True)
class WholeModel:
    """Every weight."""

    def save(self, model: Transformer, folder: Path) -> None:
        save_model(model, folder)

    @torch.no_grad()
    def load(self, model: Transformer, folder: Path) -> None:
        """Errors: Corrupt."""
        config = config_from_hf(read_json(folder / "config.json"))
        differing = [
            f"{f.name} is {getattr(config, f.name)}, not {getattr(model.config, f.name)}"
            for f in fields(config)
            if getattr(config, f.name) != getattr(model.config, f.name)
        ]
        if differing:
            raise Corrupt(f"{folder} is of another model: {'; '.join(differing)}")
        weights = weights_from_hf(config, open_safetensors(folder))
        for name, parameter in model.named_parameters():
            parameter.copy_(weights.load(name, parameter.dtype))
