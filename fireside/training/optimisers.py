"""How gradients move weights: AdamW for everything, or Muon for the matrices inside.

One `Optimiser` holds the one or two `torch.optim` ones and knows its tensors by the parameters'
names, so that a checkpoint can be checked, read and resharded.  It refuses to know the schedule:
each step is told its factor.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from fireside.errors import BadRequest, Corrupt
from fireside.training.muon import Muon


@dataclass(frozen=True, kw_only=True)
class OptimiserConfig:
    """learning_rate: AdamW's.  matrix_learning_rate: Muon's, in AdamW's unit; None: the same.

    Muon's updates are scaled to the size of AdamW's (Liu et al. 2025, "Muon is Scalable"), so one
    rate can serve both.  Weight decay is decoupled and spares vectors: norms and biases.
    """

    name: Literal["adamw", "muon"] = "adamw"
    learning_rate: float = 3e-4
    matrix_learning_rate: float | None = None
    weight_decay: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.95
    eps: float = 1e-8
    momentum: float = 0.95

    def __post_init__(self) -> None:
        rates = (self.learning_rate, self.matrix_learning_rate or 0.0, self.weight_decay)
        if not all(0 <= rate < float("inf") for rate in rates):
            raise BadRequest("learning rates and weight decay must be positive numbers")
        if not all(0 <= beta < 1 for beta in (self.beta1, self.beta2, self.momentum)):
            raise BadRequest("beta1, beta2 and momentum lie between 0 and 1, 1 excluded")


class Optimiser:
    """The optimiser of a model's trainable parameters."""

    def __init__(self, model: nn.Module, config: OptimiserConfig) -> None:
        trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
        if not trained:
            raise BadRequest("nothing to train: every parameter of the model is frozen")
        self.names: dict[Tensor, str] = {parameter: name for name, parameter in trained.items()}
        matrices = _matrices(trained) if config.name == "muon" else set()
        rest = {n: p for n, p in trained.items() if n not in matrices}
        self.parts: list[torch.optim.Optimizer] = []
        if rest:
            self.parts.append(_adamw(rest.values(), config))
        if matrices:
            self.parts.append(_muon((trained[n] for n in trained if n in matrices), config))
        for part in self.parts:
            for group in part.param_groups:
                group["peak"] = group["lr"]

    @property
    def parameters(self) -> list[Tensor]:
        return list(self.names)

    def step(self, factor: float) -> None:
        """One update at `factor` times the peak learning rates."""
        for part in self.parts:
            for group in part.param_groups:
                group["lr"] = group["peak"] * factor
            part.step()

    def clear(self) -> None:
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """What it remembers, as "exp_avg/model.norm.weight" and so on."""
        return {
            f"{field}/{self.names[parameter]}": value
            for part in self.parts
            for parameter, fields in part.state.items()
            for field, value in fields.items()
        }

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Remember what `tensors()` said.  Errors: Corrupt where a shape is another model's."""
        owners = {n: (p, part) for part in self.parts for n, p in self._of(part)}
        for part in self.parts:
            part.state.clear()
        for key, value in tensors.items():
            field, _, name = key.partition("/")
            if name not in owners:
                raise Corrupt(f"the checkpoint's optimiser trains {name}, which this run does not")
            parameter, part = owners[name]
            if value.ndim and value.shape != parameter.shape:
                raise Corrupt(
                    f"the checkpoint's optimiser has {name} as {tuple(value.shape)}, this model as "
                    f"{tuple(parameter.shape)}: it is of another model"
                )
            device = parameter.device if value.ndim or _fused(part) else torch.device("cpu")
            part.state[parameter][field] = value.clone().to(device)

    def _of(self, part: torch.optim.Optimizer) -> Iterable[tuple[str, Tensor]]:
        return ((self.names[p], p) for group in part.param_groups for p in group["params"])


def _matrices(trained: Mapping[str, Tensor]) -> set[str]:
    """What Muon is for: 2-D weights between the embedding and the head (Jordan et al. 2024)."""
    outside = ("embed_tokens.", "embed_positions.", "lm_head.")
    return {n for n, p in trained.items() if p.ndim == 2 and not any(o in n for o in outside)}


def _adamw(parameters: Iterable[Tensor], config: OptimiserConfig) -> torch.optim.Optimizer:
    parameters = list(parameters)
    groups: list[dict[str, Any]] = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.eps,
        fused=True,
    )


def _muon(parameters: Iterable[Tensor], config: OptimiserConfig) -> torch.optim.Optimizer:
    rate = config.matrix_learning_rate
    return Muon(
        parameters,
        lr=config.learning_rate if rate is None else rate,
        momentum=config.momentum,
        weight_decay=config.weight_decay,
    )


def _fused(part: torch.optim.Optimizer) -> bool:
    return any(group.get("fused") for group in part.param_groups)
