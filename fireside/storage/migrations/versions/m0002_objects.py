"""The API's objects: files, batches, responses, jobs, ... one row each."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "objects",
        sa.Column("serial", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("owner", sa.Text, nullable=False),
        sa.Column("parent_id", sa.Text),
        sa.Column("status", sa.Text),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("body", sa.JSON, nullable=False),
    )
    op.create_index("objects_by_owner", "objects", ["kind", "owner", "serial"])
    op.create_index("objects_by_parent", "objects", ["parent_id", "kind", "serial"])
    op.create_index("objects_by_status", "objects", ["kind", "status", "serial"])
    op.create_index("objects_by_expiry", "objects", ["kind", "expires_at"])
