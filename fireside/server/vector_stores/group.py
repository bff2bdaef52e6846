"""Vector stores as one piece of the application, and the work beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter

from fireside.knowledge.collections import Collections
from fireside.knowledge.embedders import Embedders
from fireside.knowledge.ingest import Ingest
from fireside.server.sweep import Sweep
from fireside.server.vector_stores import files as file_routes
from fireside.server.vector_stores import stores
from fireside.server.vector_stores.finder import Finder
from fireside.server.vector_stores.reader import Reader
from fireside.storage.files import Files

if TYPE_CHECKING:
    from fireside.engine.models import Models
    from fireside.storage import Store


def group(
    models: Models, store: Store, files: Files, embedding_model: str
) -> tuple[APIRouter, list[Reader | Sweep], Finder]:
    embedders = Embedders(embedding_model, models.embedder)
    collections = Collections(store, files, embedders)
    files.forgotten = collections.forget
    reader = Reader(Ingest(store, files, embedders), collections)
    router = APIRouter()
    router.include_router(stores.routes(collections))
    router.include_router(file_routes.routes(collections))
    return router, [reader, Sweep(collections.expire)], Finder(collections)
