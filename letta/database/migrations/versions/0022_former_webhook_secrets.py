"""Former secrets of webhooks, which count for a while beside those that replaced them."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("webhooks", sa.Column("former_secret", sa.Text()), schema=SCHEMA)
    op.add_column("webhooks", sa.Column("former_secret_until", sa.DateTime(timezone=True)), schema=SCHEMA)
