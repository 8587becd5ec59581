"""The few runs that are under way or have failed, found without a look at all the others."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.create_index(
        "ix_runs_not_completed",
        "runs",
        ["organization_id", "created_at", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("status <> 'completed'"),
    )
