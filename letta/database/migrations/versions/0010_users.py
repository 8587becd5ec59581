"""What is shown of organizations and users."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("privileged_tools", sa.Boolean(), server_default="false", nullable=False),
        schema=SCHEMA,
    )
    op.add_column(
        "users",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        schema=SCHEMA,
    )
