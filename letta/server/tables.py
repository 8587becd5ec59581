"""Facts about the installation itself."""

from sqlalchemy import Column, Table, Text

from letta.database.base import metadata

server_facts = Table(
    "server_facts",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Such as the fingerprint of the encryption key."""
