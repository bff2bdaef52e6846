"""How many processes train together, and how their numbers add up.

`World()` is one process alone: every method leaves its argument as it is.  `parallel.py` brings
one of many ranks.  What changes numbers is called by all ranks at the same point, or all wait for
ever.  This file refuses to start processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fireside.model.transformer import Transformer
from fireside.training import launch


@dataclass(frozen=True, kw_only=True)
class World:
    """rank: which of the `size` processes this is.  device: where its tensors live."""

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))

    @property
    def first(self) -> bool:
        """The rank that writes, prints and answers for all."""
        return self.rank == 0

    @property
    def gradient_scale(self) -> float:
        """What losses are multiplied by before backward: `size` where gradients are averaged."""
        return 1.0

    def all_reduce(self, x: Tensor) -> Tensor:
        """The sum over all ranks, the same on each."""
        return x

    def add_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Make every rank's `.grad` the sum over all ranks, unless backward has done it."""

    def gradient_norm(self, parameters: Iterable[Tensor]) -> Tensor:
        """The 2-norm of all gradients together, as a tensor of one number."""
        return torch.nn.utils.get_total_norm(
            [p.grad for p in parameters if p.grad is not None], foreach=True
        )

    def any(self, flag: bool) -> bool:
        """Whether any rank says so: ranks must stop at the same step or wait for ever."""
        if self.size == 1:
            return flag
        said = torch.tensor(float(flag), device=self.device)
        return bool(self.all_reduce(said).item() > 0)

    def once(self, work: Callable[[], str]) -> str:
        """Done by the first rank alone; the others wait for it, however long, and are told."""
        return work()

    def spread(self, model: Transformer) -> None:
        """Leave each rank its part of every tensor, in place.  Before there is an optimiser."""

    def settle(self, model: Transformer) -> None:
        """After forward passes without backward: let go of what they gathered."""

    def whole(self, model: Transformer) -> Transformer:
        """The model in one piece, to be saved or asked; on other ranks than the first, empty."""
        return model

    def cause(self, error: BaseException) -> BaseException:
        """What really went wrong, where `error` only says that another rank is gone."""
        return error

    @contextmanager
    def loading(self, model: Transformer) -> Iterator[Transformer]:
        """A model in one piece to read values into: those that are trained become the model's."""
        yield model


def joined(device: torch.device) -> AbstractContextManager[World]:
    """The world that torchrun has put this process into; alone where nobody has."""
    if launch.size() == 1:
        return nullcontext(World(device=device))
    from fireside.training.parallel import entered

    return entered(device)
