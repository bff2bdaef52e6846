"""What this room needs of an embedding model, so that a test can hand it a small one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor


class Embeds(Protocol):
    """`engine.embedding.Embedder`."""

    name: str
    width: int
    window: int
    unknown_id: int | None

    def embed(
        self,
        texts: Sequence[str | Sequence[int]],
        *,
        cancelled: Callable[[], bool] = ...,
        param: str | None = None,
    ) -> tuple[Tensor, list[int]]: ...

    def tokens(
        self, texts: Sequence[str | Sequence[int]], *, param: str | None = None
    ) -> list[list[int]]: ...


@dataclass(frozen=True, slots=True)
class Embedders:
    """default: the model that new stores are made with.  get: loads one by name."""

    default: str
    get: Callable[[str], Embeds]
