"""Environment variables for all tools of an organization; deployments of groups, transactions of steps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0019"
down_revision = "0018"


def _audit_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
    ]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def upgrade() -> None:
    op.create_table(
        "sandbox_configs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("config", postgresql.JSONB(), server_default="{}", nullable=False),
        *_audit_columns(),
        _reference("sandbox_configs", "organization_id", "organizations"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_configs")),
        sa.UniqueConstraint("organization_id", "type", name=op.f("uq_sandbox_configs_organization_id_type")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_sandbox_configs_organization_id"), "sandbox_configs", ["organization_id"], schema=SCHEMA)
    op.create_table(
        "sandbox_variables",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("sandbox_config_id", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        *_audit_columns(),
        _reference("sandbox_variables", "organization_id", "organizations"),
        _reference("sandbox_variables", "sandbox_config_id", "sandbox_configs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sandbox_variables")),
        sa.UniqueConstraint("sandbox_config_id", "key", name=op.f("uq_sandbox_variables_sandbox_config_id_key")),
        schema=SCHEMA,
    )
    op.create_index(
        op.f("ix_sandbox_variables_organization_id"), "sandbox_variables", ["organization_id"], schema=SCHEMA
    )
    for column in ("template_id", "base_template_id", "deployment_id"):
        op.add_column("groups", sa.Column(column, sa.Text()), schema=SCHEMA)
    op.add_column("steps", sa.Column("transaction_id", sa.Text()), schema=SCHEMA)
    close_to_data_api()
