"""The assistant of a terminal: the same steps, personas and documents as the server's.

It is put together when the first question is asked; looking around needs none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.cli.loading import Loading
    from fireside.storage import Store


def of_terminal(loading: Loading, store: Store) -> Assistant:
    from fireside.assistant.lineup import assistant_of
    from fireside.knowledge.collections import Collections
    from fireside.knowledge.embedders import Embedders
    from fireside.storage.files import Files

    settings = loading.settings
    files = Files(settings.files_dir, store.objects)
    embedders = Embedders(settings.embedding_model, loading.embedder)
    return assistant_of(loading, store, settings, collections=Collections(store, files, embedders))


def persona_names(loading: Loading) -> list[str]:
    """Of the personas that can be named here."""
    from fireside.assistant.persona import Personas

    return Personas(loading.settings.home / "personas").names
