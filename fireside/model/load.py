"""A model on disk to a model in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from fireside.model.transformer import Transformer
from fireside.model.weights import Weights, open_weights

if TYPE_CHECKING:
    from fireside.hub import LocalModel


def load_model(
    local: LocalModel, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> Transformer:
    """The model of a GGUF file or a Hugging Face folder, in eval mode, ready to train or to run.

    Errors: Unsupported, Corrupt.
    """
    return model_of(open_weights(local), dtype, device)


def model_of(
    weights: Weights, dtype: torch.dtype = torch.float32, device: str | torch.device = "cpu"
) -> Transformer:
    """A model that holds these weights.  One tensor at a time: never twice the model in memory."""
    with torch.device("meta"):
        model = Transformer(weights.config)
    for name in weights.names():
        owner, _, attribute = name.rpartition(".")
        tensor = weights.load(name, dtype).to(device)
        setattr(model.get_submodule(owner), attribute, nn.Parameter(tensor))
    return model.eval()
