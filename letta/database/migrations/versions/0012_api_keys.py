"""Keys of programs, and tokens of browsers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("token_digest", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text())),
        sa.Column("agent_ids", postgresql.ARRAY(sa.Text())),
        sa.Column("policy", postgresql.JSONB()),
        sa.Column("hostname", sa.Text()),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("last_used_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_api_keys_organization_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], [f"{SCHEMA}.users.id"], name=op.f("fk_api_keys_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_api_keys_token_digest")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_api_keys_organization_id"), "api_keys", ["organization_id"], schema=SCHEMA)
    op.create_index(op.f("ix_api_keys_user_id"), "api_keys", ["user_id"], schema=SCHEMA)
    op.create_index(
        "ix_api_keys_organization_id_created_at_id",
        "api_keys",
        ["organization_id", "created_at", "id"],
        schema=SCHEMA,
    )
    close_to_data_api()
