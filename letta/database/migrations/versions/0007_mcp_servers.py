"""MCP servers, whose tools agents may use."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "mcp_servers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("server_name", sa.Text(), nullable=False),
        sa.Column("server_type", sa.Text(), nullable=False),
        sa.Column("server_url", sa.Text()),
        sa.Column("auth_header", sa.Text()),
        sa.Column("auth_token", sa.Text()),
        sa.Column("custom_headers", sa.Text()),
        sa.Column("command", sa.Text()),
        sa.Column("args", postgresql.JSONB()),
        sa.Column("env", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_mcp_servers_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mcp_servers")),
        sa.UniqueConstraint("organization_id", "server_name", name=op.f("uq_mcp_servers_organization_id_server_name")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_mcp_servers_organization_id"), "mcp_servers", ["organization_id"], schema=SCHEMA)
    close_to_data_api()
