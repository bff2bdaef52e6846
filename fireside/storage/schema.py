"""The tables as they stand at `HEAD`, for queries.

The migrations make them; a test holds the two against each other.  `HEAD` is written down so that
opening an up-to-date database need not import Alembic (0.4 s on a slow machine).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    JSON,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)

HEAD: Final = "0005"

metadata = MetaData()

conversations = Table(
    "conversations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("model", Text),
    Column("system", Text),
    Column("head_id", Text),
    Column("metadata", JSON(none_as_null=True)),
    Index("conversations_by_owner", "owner", "updated_at", "id"),
)

messages = Table(
    "messages",
    metadata,
    # The full-text index points at rows by this number; SQLite may renumber hidden rowids.
    Column("serial", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column(
        "conversation_id",
        Text,
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("parent_id", Text, ForeignKey("messages.id", ondelete="CASCADE")),
    Column("role", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("status", Text, nullable=False),
    Column("model", Text),
    Column("name", Text),
    Column("tool_calls", JSON(none_as_null=True)),
    Column("tool_call_id", Text),
    Column("usage", JSON(none_as_null=True)),
    Column("receipt", JSON(none_as_null=True)),
    # The item as the API shows it, where it came through the API.
    Column("item", JSON(none_as_null=True)),
    Index("messages_by_conversation", "conversation_id"),
    Index("messages_by_parent", "parent_id"),
)

objects = Table(
    "objects",
    metadata,
    Column("serial", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("parent_id", Text),
    Column("status", Text),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("version", Integer, nullable=False),
    Column("body", JSON, nullable=False),
    Index("objects_by_owner", "kind", "owner", "serial"),
    Index("objects_by_parent", "parent_id", "kind", "serial"),
    Index("objects_by_status", "kind", "status", "serial"),
    Index("objects_by_expiry", "kind", "expires_at"),
)

users = Table(
    "users",
    metadata,
    Column("serial", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("role", Text, nullable=False),
    Column("project_id", Text),
    Column("created_at", Double, nullable=False),
    Column("removed_at", Double),
)

projects = Table(
    "projects",
    metadata,
    Column("serial", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("archived_at", Double),
)

keys = Table(
    "keys",
    metadata,
    Column("serial", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("prefix", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("user_id", Text, ForeignKey("users.id"), nullable=False),
    Column("project_id", Text, ForeignKey("projects.id"), nullable=False),
    Column("scopes", JSON(none_as_null=True)),
    Column("requests_per_minute", Integer),
    Column("tokens_per_minute", Integer),
    Column("tokens_total", Integer),
    Column("tokens_used", Integer, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("last_used_at", Double),
    Column("revoked_at", Double),
    Index("keys_by_prefix", "prefix"),
    Index("keys_by_project", "project_id", "serial"),
)

audit = Table(
    "audit",
    metadata,
    Column("serial", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("actor_id", Text),
    Column("project_id", Text),
    Column("resource_id", Text),
    Column("actor", JSON, nullable=False),
    Column("details", JSON, nullable=False),
)

passages = Table(
    "passages",
    metadata,
    Column("serial", Integer, primary_key=True),
    # A file of a vector store, which takes its passages with it when it goes.
    Column("file", Text, ForeignKey("objects.id", ondelete="CASCADE"), nullable=False),
    Column("store", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("begin", Integer, nullable=False),
    Column("page", Integer),
    Column("section", JSON, nullable=False),
    Column("text", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("length", Integer, nullable=False),
    Column("vectors", LargeBinary, nullable=False),
    Index("passages_by_file", "file", "place"),
    Index("passages_by_store", "store", "serial"),
)
