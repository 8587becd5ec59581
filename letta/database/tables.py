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

ENCRYPTION_KEY = "encryption_key_fingerprint"
"""Key of the fact that tells which encryption key the secrets were written with."""
LEGACY_IMPORT = "legacy_import"
"""Key of the fact that tells how far the import from the former server is."""
