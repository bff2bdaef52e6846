"""Low-rank adapters on linear layers: LoRA (arXiv:2106.09685) and DoRA (arXiv:2402.09353).

    LoRA   y = W x + b + scale * B A x                             scale = alpha / rank
    DoRA   y = magnitude * (W + scale * B A) x / norm + b          norm: of each row, no gradient

`inject` turns linears into `LoraLinear`s that keep their names and their weight, so the model's
canonical names stay what they were; everything but the adapter is frozen.  `merge` writes the sum
into the weight and keeps the old one, so that `unmerge` gives back the very bits: subtracting
would not.

It refuses to adapt the embedding and the head (the chunked losses read the head as one matrix,
`head_weight`), and to know any file format (`adapters.py`).
Dropout draws from PyTorch's own generator, which the run seeds, saves and restores.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from fireside.errors import BadRequest, Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class LoraConfig:
    """What to add.

    alpha: the update counts alpha / rank, so that the rank can change without the learning rate.
    dropout: share of the adapter's inputs that are left out in training.
    targets: linears by the last part of their names (`q_proj`, `down_proj`); empty means every
        linear of every layer, which learns more than attention alone for the same
        number of parameters (QLoRA, arXiv:2305.14314).
    """

    rank: int = 16
    alpha: float = 32.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ()
    dora: bool = False

    def __post_init__(self) -> None:
        if type(self.rank) is not int or self.rank < 1:
            raise BadRequest(f"lora.rank must be a whole number from 1, not {self.rank!r}")
        if not 0 < self.alpha < math.inf:
            raise BadRequest(f"lora.alpha must be more than 0, not {self.alpha!r}")
        if not 0 <= self.dropout < 1:
            raise BadRequest(f"lora.dropout must be from 0 to below 1, not {self.dropout!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """What an adapter does to one weight of shape (out, in)."""

    a: Float[Tensor, "rank in"]
    b: Float[Tensor, "out rank"]
    alpha: float
    magnitude: Float[Tensor, " out"] | None = None

    @property
    def scale(self) -> float:
        return self.alpha / self.a.shape[0]

    def added_to(self, weight: Float[Tensor, "out in"]) -> Float[Tensor, "out in"]:
        """The adapted weight, computed in float32 at least and rounded once."""
        wide = torch.promote_types(weight.dtype, torch.float32)
        full = weight.to(wide) + self.scale * (self.b.to(wide) @ self.a.to(wide))
        if self.magnitude is not None:
            full = full * (self.magnitude.to(wide) / full.norm(dim=1)).unsqueeze(1)
        return full.to(weight.dtype)


class LoraLinear(nn.Linear):
    """A linear with an adapter.  `active` switches it off: the model is then its base."""

    def __init__(self, linear: nn.Linear, delta: Delta, *, dropout: float = 0.0) -> None:
        nn.Module.__init__(self)  # the weight is the linear's own, never allocated anew
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.weight, self.bias = linear.weight, linear.bias
        self.lora_a, self.lora_b = nn.Parameter(delta.a), nn.Parameter(delta.b)
        self.magnitude = None if delta.magnitude is None else nn.Parameter(delta.magnitude)
        self.alpha, self.scale = delta.alpha, delta.scale
        self.dropout = dropout
        self.active = True
        self._unmerged: Tensor | None = None

    @property
    def delta(self) -> Delta:
        magnitude = None if self.magnitude is None else self.magnitude.detach()
        return Delta(
            a=self.lora_a.detach(), b=self.lora_b.detach(), alpha=self.alpha, magnitude=magnitude
        )

    @property
    def merged(self) -> bool:
        return self._unmerged is not None

    def forward(self, x: Float[Tensor, "... in"]) -> Float[Tensor, "... out"]:
        if not self.active and self._unmerged is not None:
            return F.linear(x, self._unmerged, self.bias)
        if not self.active or self.merged:
            return F.linear(x, self.weight, self.bias)
        if self.magnitude is not None:
            return self._dora(x, self.magnitude)
        return self._low_rank(F.linear(x, self.weight, self.bias), self._dropped(x))

    def _low_rank(
        self, out: Float[Tensor, "... out"], x: Float[Tensor, "... in"]
    ) -> Float[Tensor, "... out"]:
        """`out` with the update added in place: `out` is as large as an activation gets."""
        low = F.linear(x, self.lora_a.to(x.dtype)).flatten(0, -2)
        b = self.lora_b.to(out.dtype)
        flat = out.flatten(0, -2).addmm_(low, b.t(), alpha=self.scale)
        return flat.view_as(out)

    def _dora(self, x: Tensor, magnitude: Tensor) -> Tensor:
        with torch.no_grad():  # a constant to the gradient, section 4.3 of the paper
            norm = (self.weight + self.scale * (self.lora_b @ self.lora_a)).norm(dim=1)
        factor = (magnitude / norm).to(x.dtype)
        dropped = self._dropped(x)
        if dropped is x:
            out = factor * self._low_rank(F.linear(x, self.weight), x)
        else:  # as PEFT: what dropout leaves out is left out of the change, not of the base
            base = F.linear(dropped, self.weight)
            adapted = factor * self._low_rank(base.clone(), dropped)
            out = F.linear(x, self.weight) + adapted - base
        biased: Tensor = out if self.bias is None else out + self.bias
        return biased

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout) if self.training and self.dropout else x

    def merge(self) -> None:
        if self.merged:
            raise Conflict("this adapter is merged already: unmerge it first")
        self._unmerged = self.weight.data
        self.weight.data = self.delta.added_to(self.weight.data)

    def unmerge(self) -> None:
        if self._unmerged is None:
            raise Conflict("this adapter is not merged")
        self.weight.data, self._unmerged = self._unmerged, None


def inject(model: nn.Module, config: LoraConfig, seed: int = 0) -> None:
    """Put fresh adapters on the model's linears and freeze the rest.  The model computes what it
    did: B starts as zeros, A uniform as PEFT has it, the same for the same seed.

    Errors: BadRequest if a target is no linear of this model; Conflict if it has adapters.
    """
    if adapters(model):
        raise Conflict("this model has an adapter already: merge it, or start from the base")
    linears = targeted(model, config.targets)
    dice = torch.Generator().manual_seed(seed)
    for name, linear in linears.items():
        rows, columns = linear.weight.shape
        bound = 1 / math.sqrt(columns)
        a = torch.empty(config.rank, columns).uniform_(-bound, bound, generator=dice)
        b = torch.zeros(rows, config.rank)
        magnitude = linear.weight.detach().float().norm(dim=1) if config.dora else None
        device = linear.weight.device
        delta = Delta(a=a.to(device), b=b.to(device), alpha=config.alpha, magnitude=magnitude)
        put(model, name, delta, dropout=config.dropout)
    freeze(model)


def targeted(model: nn.Module, targets: tuple[str, ...]) -> dict[str, nn.Linear]:
    """The linears that `LoraConfig.targets` means, by their full names, in the model's order."""
    linears = {
        name: part
        for name, part in model.named_modules()
        if isinstance(part, nn.Linear) and name != "lm_head"
    }
    there = {name.rpartition(".")[2] for name in linears}
    for target in targets:
        if target not in there:
            raise BadRequest(
                f"lora.targets: this model's layers have no linear {target!r}; they have "
                + ", ".join(sorted(there)),
                param="lora.targets",
            )
    wanted = set(targets) or there
    return {name: part for name, part in linears.items() if name.rpartition(".")[2] in wanted}


def put(model: nn.Module, name: str, delta: Delta, *, dropout: float = 0.0) -> None:
    """Adapt one linear, by its full name."""
    parent, _, attribute = name.rpartition(".")
    linear = model.get_submodule(name)
    assert isinstance(linear, nn.Linear)
    adapted = LoraLinear(linear, delta, dropout=dropout).train(linear.training)
    setattr(model.get_submodule(parent), attribute, adapted)


def freeze(model: nn.Module) -> None:
    """Only the adapters learn."""
    learning = set(map(id, adapter_parameters(model).values()))
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in learning)


def adapters(model: nn.Module) -> dict[str, LoraLinear]:
    """Every adapted linear by its full name."""
    return {name: part for name, part in model.named_modules() if isinstance(part, LoraLinear)}


def adapter_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """What an adapter learns, by name: `….lora_a`, `….lora_b`, and with DoRA `….magnitude`."""
    found: dict[str, nn.Parameter] = {}
    for name, part in adapters(model).items():
        found |= {f"{name}.lora_a": part.lora_a, f"{name}.lora_b": part.lora_b}
        if part.magnitude is not None:
            found[f"{name}.magnitude"] = part.magnitude
    return found


def merge(model: nn.Module) -> None:
    """Add every adapter to its weight; the old weights are kept for `unmerge`."""
    for part in adapters(model).values():
        part.merge()


def unmerge(model: nn.Module) -> None:
    """The weights as they were, bit for bit."""
    for part in adapters(model).values():
        part.unmerge()


@contextmanager
def without_adapters(model: nn.Module) -> Iterator[None]:
    """The base model, for a while: the reference of DPO, KTO and GRPO costs no second copy."""
    parts = [part for part in adapters(model).values() if part.active]
    for part in parts:
        part.active = False
    try:
        yield
    finally:
        for part in parts:
            part.active = True
