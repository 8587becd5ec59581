"""Blocks of core memory, and every value that they ever had."""

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, Table, Text, func

from letta.database.base import Json, entity_table, metadata, reference, timestamp

blocks = entity_table(
    "blocks",
    Column("label", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("limit", Integer, nullable=False),
    Column("description", Text),
    Column("metadata", Json, nullable=False, server_default="{}"),
    Column("read_only", Boolean, nullable=False, server_default="false"),
    Column("hidden", Boolean),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("is_template", Boolean, nullable=False, server_default="false"),
    Column("template_name", Text),
    Column("template_id", Text),
    Column("base_template_id", Text),
    Column("deployment_id", Text),
    Column("entity_id", Text),
    Column("project_id", Text),
    Column("preserve_on_migration", Boolean, nullable=False, server_default="false"),
)
Index("ix_blocks_organization_id_created_at_id", blocks.c.organization_id, blocks.c.created_at, blocks.c.id)
Index("ix_blocks_organization_id_label", blocks.c.organization_id, blocks.c.label)

blocks_tags = Table(
    "blocks_tags",
    metadata,
    reference("block_id", "blocks", nullable=False),
    Column("tag", Text, nullable=False),
    reference("organization_id", "organizations", nullable=False),
    PrimaryKeyConstraint("block_id", "tag"),
)
Index("ix_blocks_tags_organization_id_tag", blocks_tags.c.organization_id, blocks_tags.c.tag)

block_history = Table(
    "block_history",
    metadata,
    reference("block_id", "blocks", nullable=False),
    Column("version", Integer, nullable=False),
    reference("organization_id", "organizations", nullable=False, index=True),
    Column("label", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("limit", Integer, nullable=False),
    Column("description", Text),
    Column("author_type", Text, nullable=False),  # user | agent
    Column("author_id", Text),
    Column("run_id", Text),
    timestamp("created_at", nullable=False, server_default=func.now()),
    PrimaryKeyConstraint("block_id", "version"),
)
"""One row for each version, the current one included; written by `letta.blocks.repository.write_block` alone."""
