"""The index on messages puts off little work.

New entries wait in a list that every search reads. At the usual 4 MB that costs a search more than all the rest.
"""

from alembic import op

from letta.database.base import SCHEMA

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute(f"ALTER INDEX {SCHEMA}.ix_messages_search SET (gin_pending_list_limit = 64)")
