"""One kind of conversation: those of the API become rows of `conversations` and `messages`.

An item becomes a message under the item before it, under its own id.  The law about sealed
messages gets one exception: a message may move up to its parent's parent, for an item in the
middle of a conversation can be deleted.  Nothing is read at once but a conversation's ids.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SEALED = [
    "DROP TRIGGER messages_sealed",
    """
    CREATE TRIGGER messages_sealed BEFORE UPDATE OF
        id, conversation_id, role, content, created_at, status, item ON messages
    WHEN old.status <> 'partial'
    BEGIN SELECT RAISE(ABORT, 'a sealed message is never rewritten'); END
    """,
    """
    CREATE TRIGGER messages_stay BEFORE UPDATE OF parent_id ON messages
    WHEN old.status <> 'partial' AND new.parent_id IS NOT
        (SELECT above.parent_id FROM messages AS above WHERE above.id = old.parent_id)
    BEGIN SELECT RAISE(ABORT, 'a sealed message only moves up to its parent''s parent'); END
    """,
]
TITLE_LETTERS = 60


def upgrade() -> None:
    op.add_column("conversations", sa.Column("metadata", sa.JSON))
    op.add_column("messages", sa.Column("item", sa.JSON))
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        for statement in SEALED:
            op.execute(sa.text(statement))
    rows = connection.execute(
        sa.text("SELECT id, owner, created_at, body FROM objects WHERE kind = 'conversation'")
    )
    for row in rows.all():
        _move(connection, row)
    op.execute(sa.text("DELETE FROM objects WHERE kind = 'conversation'"))


def _move(connection: sa.Connection, row: Any) -> None:
    body = _decoded(row.body)
    updated_at, parent_id, title = row.created_at, None, ""
    connection.execute(
        sa.text(
            "INSERT INTO conversations (id, owner, title, created_at, updated_at, metadata) "
            "VALUES (:id, :owner, '', :created_at, :created_at, :metadata)"
        ),
        {
            "id": row.id,
            "owner": row.owner,
            "created_at": row.created_at,
            "metadata": json.dumps(body.get("metadata") or {}),
        },
    )
    for one in _items(connection, row.id):
        item = _decoded(one.body)["item"]
        role, content = _readable(item)
        connection.execute(
            sa.text(
                "INSERT INTO messages (id, conversation_id, parent_id, role, content, created_at, "
                "status, item) VALUES (:id, :conversation_id, :parent_id, :role, :content, "
                ":created_at, 'complete', :item)"
            ),
            {
                "id": one.id,
                "conversation_id": row.id,
                "parent_id": parent_id,
                "role": role,
                "content": content,
                "created_at": one.created_at,
                "item": json.dumps(item),
            },
        )
        connection.execute(sa.text("DELETE FROM objects WHERE id = :id"), {"id": one.id})
        parent_id, updated_at = one.id, max(updated_at, one.created_at)
        if not title and role == "user" and content.strip():
            title = " ".join(content.strip().splitlines()[0].split())[:TITLE_LETTERS]
    connection.execute(
        sa.text(
            "UPDATE conversations SET head_id = :head, updated_at = :at, title = :title "
            "WHERE id = :id"
        ),
        {"head": parent_id, "at": updated_at, "title": title, "id": row.id},
    )


def _items(connection: sa.Connection, conversation_id: str) -> Iterator[Any]:
    serials = connection.execute(
        sa.text(
            "SELECT serial FROM objects WHERE kind = 'item' AND parent_id = :id ORDER BY serial"
        ),
        {"id": conversation_id},
    ).scalars()
    for serial in serials.all():
        yield connection.execute(
            sa.text("SELECT id, created_at, body FROM objects WHERE serial = :serial"),
            {"serial": serial},
        ).one()


def _decoded(body: Any) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(body) if isinstance(body, str) else body
    return decoded


def _readable(item: Mapping[str, Any]) -> tuple[str, str]:
    """Role and text of an item, as a person reads it."""
    match item["type"]:
        case "message":
            role = "system" if item["role"] == "developer" else item["role"]
            return role, _text(item.get("content") or "")
        case "function_call_output":
            return "tool", _text(item["output"])
        case "compaction":
            return "system", ""
        case "mcp_approval_response":
            return "tool", ""
        case _:
            return "assistant", ""


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part.get("text", part.get("refusal", ""))) for part in content)
