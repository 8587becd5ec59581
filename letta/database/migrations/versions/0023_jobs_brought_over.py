"""Jobs that were brought over from the former server: how they ended is known of themselves, not by their runs."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("jobs", sa.Column("status", sa.Text()), schema=SCHEMA)
    op.add_column("jobs", sa.Column("completed_at", sa.DateTime(timezone=True)), schema=SCHEMA)
