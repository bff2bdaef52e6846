"""`/v1/batches`: many requests of one file, worked through beside the chats, each line once."""

from fireside.server.batches.routes import routes
from fireside.server.batches.runner import BatchRunner

__all__ = ["BatchRunner", "routes"]
