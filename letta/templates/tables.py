"""Templates of agents: a working copy, saved versions, and what was made of them."""

from sqlalchemy import Column, Integer, Text, UniqueConstraint

from letta.database.base import entity_table, reference
from letta.database.encryption import EncryptedText

templates = entity_table(
    "templates",
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("project_id", Text),
    Column("latest_version", Integer, nullable=False),
    # The working copy: an agent file. Encrypted, as files of users may hold values of secrets.
    Column("current", EncryptedText("templates.current"), nullable=False),
    UniqueConstraint("organization_id", "name"),
)

template_versions = entity_table(
    "template_versions",
    reference("template_id", "templates", nullable=False),
    Column("version", Integer, nullable=False),
    Column("file", EncryptedText("template_versions.file"), nullable=False),
    Column("message", Text),
    UniqueConstraint("template_id", "version"),
)

template_deployments = entity_table(
    "template_deployments",
    reference("template_id", "templates", nullable=False, index=True),
    Column("memory_variables", EncryptedText("template_deployments.memory_variables"), nullable=False),
)
"""What agents were made with: their variables, to be put in again when they are brought to another version."""
