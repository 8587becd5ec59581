"""Clients' own names for conversations."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("conversations", sa.Column("client_key", sa.Text()), schema=SCHEMA)
    op.create_index(
        "uq_conversations_client_key",
        "conversations",
        ["agent_id", "client_key"],
        unique=True,
        postgresql_where=sa.text("client_key IS NOT NULL AND deleted_at IS NULL"),
        schema=SCHEMA,
    )
