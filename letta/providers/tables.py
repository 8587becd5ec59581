"""Providers that organizations have added. Their keys are encrypted."""

from sqlalchemy import Boolean, Column, Text, UniqueConstraint

from letta.database.base import Json, entity_table, timestamp
from letta.database.encryption import EncryptedText

providers = entity_table(
    "providers",
    Column("name", Text, nullable=False),
    Column("provider_type", Text, nullable=False),
    Column("base_url", Text),
    Column("api_key", EncryptedText("providers.api_key")),
    Column("access_key", EncryptedText("providers.access_key")),
    Column("region", Text),
    Column("api_version", Text),
    Column("models", Json, nullable=False),
    Column("has_list", Boolean, nullable=False),
    timestamp("last_synced"),
    timestamp("asked_at"),
    UniqueConstraint("organization_id", "name"),
)
"""``models`` are what a provider listed when it was last asked, so that no process has to ask again."""
