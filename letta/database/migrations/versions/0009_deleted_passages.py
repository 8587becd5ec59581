"""Passages that were deleted, kept for a while so that they can be restored."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "deleted_passages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("archive_id", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("metadata", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("deleted_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_by_id", sa.Text()),
        *(
            sa.ForeignKeyConstraint(
                [column],
                [f"{SCHEMA}.{table}.id"],
                name=op.f(f"fk_deleted_passages_{column}"),
                ondelete="CASCADE",
            )
            for column, table in (("organization_id", "organizations"), ("archive_id", "archives"))
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deleted_passages")),
        schema=SCHEMA,
    )
    for columns in (["organization_id"], ["archive_id", "deleted_at", "id"], ["deleted_at"]):
        name = op.f(f"ix_deleted_passages_{'_'.join(columns)}")
        op.create_index(name, "deleted_passages", columns, schema=SCHEMA)
    close_to_data_api()
