"""Folders of files that agents can open."""

from sqlalchemy import Column, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB

from letta.database.base import entity_table

folders = entity_table(
    "folders",
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("instructions", Text),
    Column("metadata", JSONB),
    Column("embedding_config", JSONB),
    UniqueConstraint("organization_id", "name"),
)
