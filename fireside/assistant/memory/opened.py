"""The memories of one process, with the embedding model and the privacy room behind them.

Both are loaded when a fact is there to be looked at, and not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fireside.assistant.memory.memories import Memories
from fireside.knowledge.embedders import Embeds

if TYPE_CHECKING:
    from fireside.storage.objects import Objects


class EmbedderSource(Protocol):
    """`fireside.engine.models.Models`."""

    def embedder(self, name: str | None = None) -> Embeds: ...


def memories_of(objects: Objects, models: EmbedderSource | None) -> Memories:
    """models: None searches by words alone."""
    return Memories(objects, None if models is None else lambda: models.embedder())
