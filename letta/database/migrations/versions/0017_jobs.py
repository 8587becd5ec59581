"""Jobs: batches of messages, each of whose requests is a run.

Runs that wait begin in their conversation's order, which the second index of them tells.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("job_type", sa.Text(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True)),
        sa.Column("metadata", postgresql.JSONB(), server_default="{}", nullable=False),
        sa.Column("callback_url", sa.Text()),
        sa.Column("callback_sent_at", sa.DateTime(timezone=True)),
        sa.Column("callback_status_code", sa.Integer()),
        sa.Column("callback_error", sa.Text()),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            [f"{SCHEMA}.organizations.id"],
            name=op.f("fk_jobs_organization_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_jobs_organization_id"), "jobs", ["organization_id"], schema=SCHEMA)
    op.create_index(
        "ix_jobs_organization_id_created_at_id", "jobs", ["organization_id", "created_at", "id"], schema=SCHEMA
    )
    op.create_index(
        "ix_jobs_callback_due",
        "jobs",
        ["id"],
        schema=SCHEMA,
        postgresql_where=sa.text(
            "callback_url IS NOT NULL AND callback_status_code IS NULL AND callback_error IS NULL"
        ),
    )
    op.add_column("runs", sa.Column("job_id", sa.Text()), schema=SCHEMA)
    op.create_foreign_key(
        op.f("fk_runs_job_id"),
        "runs",
        "jobs",
        ["job_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
        ondelete="SET NULL",
    )
    op.create_index(
        "ix_runs_job_id", "runs", ["job_id", "status"], schema=SCHEMA, postgresql_where=sa.text("job_id IS NOT NULL")
    )
    op.create_index(
        "ix_runs_queued_of_conversation",
        "runs",
        ["conversation_id", "created_at", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("queued IS NOT NULL"),
    )
    close_to_data_api()
