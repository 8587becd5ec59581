"""Folders of files that agents can open."""

from sqlalchemy import Column, Text, UniqueConstraint

from letta.database.base import Json, entity_table

folders = entity_table(
    "folders",
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("instructions", Text),
    Column("metadata", Json),
    Column("embedding_config", Json),
    UniqueConstraint("organization_id", "name"),
)
