"""Identities: whom agents and blocks serve."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0008"
down_revision = "0007"


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("identifier_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("identity_type", sa.Text(), nullable=False),
        sa.Column("properties", postgresql.JSONB(), server_default="[]", nullable=False),
        sa.Column("project_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        _reference("identities", "organization_id", "organizations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identities")),
        sa.UniqueConstraint(
            "organization_id",
            "identifier_key",
            "project_id",
            name=op.f("uq_identities_organization_id_identifier_key_project_id"),
        ),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_identities_organization_id"), "identities", ["organization_id"], schema=SCHEMA)
    for table, column, target in (
        ("identities_agents", "agent_id", "agents"),
        ("identities_blocks", "block_id", "blocks"),
    ):
        op.create_table(
            table,
            sa.Column("identity_id", sa.Text(), nullable=False),
            sa.Column(column, sa.Text(), nullable=False),
            _reference(table, "identity_id", "identities"),
            _reference(table, column, target),
            sa.PrimaryKeyConstraint("identity_id", column, name=op.f(f"pk_{table}")),
            schema=SCHEMA,
        )
        op.create_index(op.f(f"ix_{table}_{column}"), table, [column], schema=SCHEMA)
    close_to_data_api()
