"""What an organization sets for the tools of all of its agents."""

from sqlalchemy import Column, Text, UniqueConstraint

from letta.database.base import Json, entity_table, reference
from letta.database.encryption import EncryptedText

sandbox_configs = entity_table(
    "sandbox_configs",
    Column("type", Text, nullable=False),
    Column("config", Json, nullable=False, server_default="{}"),
    UniqueConstraint("organization_id", "type"),
)

sandbox_variables = entity_table(
    "sandbox_variables",
    reference("sandbox_config_id", "sandbox_configs", nullable=False),
    Column("key", Text, nullable=False),
    Column("value", EncryptedText("sandbox_variables.value"), nullable=False),
    Column("description", Text),
    UniqueConstraint("sandbox_config_id", "key"),
)
