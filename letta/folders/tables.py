"""Folders of files that agents can open, the files, and what agents see of them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)

from letta.database.base import SCHEMA, Json, entity_table, metadata, reference, timestamp

folders = entity_table(
    "folders",
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("instructions", Text),
    Column("metadata", Json),
    Column("embedding_config", Json),
    UniqueConstraint("organization_id", "name"),
)

files = entity_table(
    "files",
    reference("folder_id", "folders", nullable=False),
    Column("file_name", Text, nullable=False),
    Column("original_file_name", Text),
    Column("file_type", Text),
    Column("file_size", BigInteger),
    # The text of the file; null until it has been read.
    Column("content", Text),
    Column("line_count", Integer),
    # parsing, embedding, completed or error. Who reads a file claims it for a while, again and again.
    Column("processing_status", Text, nullable=False, server_default="parsing"),
    Column("error_message", Text),
    Column("total_chunks", Integer),
    Column("chunks_embedded", Integer),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("claimed_by", Text),
    timestamp("claimed_until"),
    UniqueConstraint("folder_id", "file_name"),
)
Index("ix_files_folder_id_created_at_id", files.c.folder_id, files.c.created_at, files.c.id)
Index(
    "ix_files_unread",
    files.c.created_at,
    files.c.id,
    postgresql_where=files.c.processing_status == "parsing",
)

file_uploads = Table(
    "file_uploads",
    metadata,
    reference("file_id", "files", nullable=False),
    Column("number", Integer, nullable=False),
    reference("organization_id", "organizations", nullable=False, index=True),
    # A piece of what was uploaded, kept until its text has been read.
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("file_id", "number"),
)

files_agents = entity_table(
    "files_agents",
    Column("agent_id", Text, nullable=False),
    Column("folder_id", Text, nullable=False),
    reference("file_id", "files", nullable=False, index=True),
    Column("is_open", Boolean, nullable=False, server_default="false"),
    Column("visible_content", Text),
    # Of a view that isn't the file's beginning: the first line, and the one behind the last, counted from 0.
    Column("start_line", Integer),
    Column("end_line", Integer),
    timestamp("last_accessed_at"),
    UniqueConstraint("agent_id", "file_id"),
    # Whoever can't look into a folder any more sees none of its files.
    ForeignKeyConstraint(
        ["agent_id", "folder_id"],
        [f"{SCHEMA}.agents_folders.agent_id", f"{SCHEMA}.agents_folders.folder_id"],
        ondelete="CASCADE",
    ),
)
