"""What is known of the vector indexes of large archives, which are built when they are needed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from letta.database.base import SCHEMA

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("archives", sa.Column("vector_index", postgresql.JSONB()), schema=SCHEMA)
