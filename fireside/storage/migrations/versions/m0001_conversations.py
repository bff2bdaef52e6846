"""Conversations, messages, and the full-text index over what was said.

Two laws live in the database, so that no caller can break them: a sealed message is never
rewritten, and the index holds exactly the sealed messages.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

SQLITE = [
    """
    CREATE TRIGGER messages_sealed BEFORE UPDATE OF
        id, conversation_id, parent_id, role, content, created_at, status ON messages
    WHEN old.status <> 'partial'
    BEGIN SELECT RAISE(ABORT, 'a sealed message is never rewritten'); END
    """,
    """
    CREATE VIRTUAL TABLE messages_text USING fts5(
        content, content='messages', content_rowid='serial',
        tokenize='unicode61 remove_diacritics 2', prefix='2 3'
    )
    """,
    """
    CREATE TRIGGER messages_text_insert AFTER INSERT ON messages
    WHEN new.status <> 'partial'
    BEGIN INSERT INTO messages_text(rowid, content) VALUES (new.serial, new.content); END
    """,
    """
    CREATE TRIGGER messages_text_seal AFTER UPDATE OF status ON messages
    WHEN old.status = 'partial' AND new.status <> 'partial'
    BEGIN INSERT INTO messages_text(rowid, content) VALUES (new.serial, new.content); END
    """,
    """
    CREATE TRIGGER messages_text_delete AFTER DELETE ON messages
    WHEN old.status <> 'partial'
    BEGIN
        INSERT INTO messages_text(messages_text, rowid, content)
        VALUES ('delete', old.serial, old.content);
    END
    """,
]


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("system", sa.Text),
        sa.Column("head_id", sa.Text),
    )
    op.create_index("conversations_by_owner", "conversations", ["owner", "updated_at", "id"])
    op.create_table(
        "messages",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column(
            "conversation_id",
            sa.Text,
            sa.ForeignKey("conversations.id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("parent_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE")),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("tool_calls", sa.JSON),
        sa.Column("tool_call_id", sa.Text),
        sa.Column("usage", sa.JSON),
        sa.Column("receipt", sa.JSON),
    )
    op.create_index("messages_by_conversation", "messages", ["conversation_id"])
    op.create_index("messages_by_parent", "messages", ["parent_id"])
    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(sa.text(statement))
