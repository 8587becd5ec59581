"""Providers of models that are added while the server runs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "providers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("provider_type", sa.Text(), nullable=False),
        sa.Column("base_url", sa.Text()),
        sa.Column("api_key", sa.Text()),
        sa.Column("access_key", sa.Text()),
        sa.Column("region", sa.Text()),
        sa.Column("api_version", sa.Text()),
        sa.Column("models", postgresql.JSONB(), nullable=False),
        sa.Column("has_list", sa.Boolean(), nullable=False),
        sa.Column("last_synced", sa.DateTime(timezone=True)),
        sa.Column("asked_at", sa.DateTime(timezone=True)),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_providers_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_providers")),
        sa.UniqueConstraint("organization_id", "name", name=op.f("uq_providers_organization_id_name")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_providers_organization_id"), "providers", ["organization_id"], schema=SCHEMA)
    close_to_data_api()
