"""Conversations as rows: one row per message, a tree by parent, nothing rewritten once sealed.

`Store` is the whole room; `Conversation`, `StoredMessage` and `Hit` are the values it hands out.
It knows nothing of models, prompts or HTTP.
"""

from fireside.storage.records import Conversation, Hit, Status, StoredMessage
from fireside.storage.store import Store

__all__ = ["Conversation", "Hit", "Status", "Store", "StoredMessage"]
