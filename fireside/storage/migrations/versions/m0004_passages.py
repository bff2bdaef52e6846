"""Passages of documents: text, place, vectors, and the full-text index over their words.

The index holds words as `fireside/knowledge/words.py` makes them, and in a column of its own the
store, so that a search never walks through another's.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

SQLITE = [
    """
    CREATE VIRTUAL TABLE passages_words USING fts5(
        store, words, content='passages', content_rowid='serial',
        tokenize='unicode61 remove_diacritics 0', detail=column
    )
    """,
    """
    CREATE TRIGGER passages_words_insert AFTER INSERT ON passages
    BEGIN
        INSERT INTO passages_words(rowid, store, words)
        VALUES (new.serial, new.store, new.words);
    END
    """,
    """
    CREATE TRIGGER passages_words_delete AFTER DELETE ON passages
    BEGIN
        INSERT INTO passages_words(passages_words, rowid, store, words)
        VALUES ('delete', old.serial, old.store, old.words);
    END
    """,
]


def upgrade() -> None:
    op.create_table(
        "passages",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("file", sa.Text, sa.ForeignKey("objects.id", ondelete="CASCADE"), nullable=False),
        sa.Column("store", sa.Text, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("begin", sa.Integer, nullable=False),
        sa.Column("page", sa.Integer),
        sa.Column("section", sa.JSON, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("length", sa.Integer, nullable=False),
        sa.Column("vectors", sa.LargeBinary, nullable=False),
    )
    op.create_index("passages_by_file", "passages", ["file", "place"])
    op.create_index("passages_by_store", "passages", ["store", "serial"])
    if op.get_bind().dialect.name == "sqlite":
        for statement in SQLITE:
            op.execute(sa.text(statement))
