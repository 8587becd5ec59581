"""Keys of programs, and tokens of browsers. Of the keys themselves only digests are stored."""

from sqlalchemy import Column, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY

from letta.database.base import Json, entity_table, reference, timestamp

api_keys = entity_table(
    "api_keys",
    reference("user_id", "users", nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("token_digest", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("scopes", ARRAY(Text)),  # of API keys
    Column("agent_ids", ARRAY(Text)),  # of API keys: the agents that they are for, or null for all
    Column("policy", Json),  # of tokens of browsers: [{"type": "agent", "id": …, "access": […]}]
    Column("hostname", Text),
    timestamp("expires_at"),
    timestamp("last_used_at"),
    UniqueConstraint("token_digest"),
)
Index("ix_api_keys_organization_id_created_at_id", api_keys.c.organization_id, api_keys.c.created_at, api_keys.c.id)
