"""The assistant of a terminal: the same steps, personas and documents as the server's.

It is put together when the first question is asked; looking around needs none of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fireside.assistant import Assistant
    from fireside.cli.loading import Loading
    from fireside.knowledge.attachments import Attachments
    from fireside.knowledge.collections import Collections
    from fireside.knowledge.ingest import Ingest
    from fireside.storage import Store
    from fireside.storage.files import Files


@dataclass(frozen=True, slots=True)
class Documents:
    """What the terminal reads files with: the server's own parts, in this process."""

    files: Files
    collections: Collections
    attachments: Attachments
    ingest: Ingest


def documents_of(loading: Loading, store: Store) -> Documents:
    from fireside.knowledge.attachments import Attachments
    from fireside.knowledge.collections import Collections
    from fireside.knowledge.embedders import Embedders
    from fireside.knowledge.ingest import Ingest
    from fireside.storage.files import Files

    settings = loading.settings
    files = Files(settings.files_dir, store.objects)
    embedders = Embedders(settings.embedding_model, loading.embedder)
    collections = Collections(store, files, embedders)
    return Documents(
        files=files,
        collections=collections,
        attachments=Attachments(store, files, collections),
        ingest=Ingest(store, files, embedders),
    )


def of_terminal(loading: Loading, store: Store) -> Assistant:
    from fireside.assistant.lineup import assistant_of

    documents = documents_of(loading, store)
    return assistant_of(loading, store, loading.settings, collections=documents.collections)


def persona_names(loading: Loading) -> list[str]:
    """Of the personas that can be named here."""
    from fireside.assistant.persona import Personas

    return Personas(loading.settings.home / "personas").names
