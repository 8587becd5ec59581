"""Archives of passages, and which agents read and write them."""

from sqlalchemy import Boolean, Column, Index, Table, Text, UniqueConstraint, func
from sqlalchemy.dialects.postgresql import ARRAY, TSVECTOR

from letta.database.base import Json, entity_table, metadata, reference, timestamp
from letta.database.vectors import Vector

archives = entity_table(
    "archives",
    Column("name", Text, nullable=False),
    Column("description", Text),
    Column("embedding_config", Json),
    Column("metadata", Json),
    # Whether some passages may lack the vector that they should have, and until when somebody is busy with them.
    Column("embedding_due", Boolean, nullable=False, server_default="false"),
    timestamp("embedding_claimed_until"),
    # What is known of its vector index: {"state": "ready" | "failed", "dimensions", …}. Null where none was needed.
    Column("vector_index", Json),
    # It holds the passages of a folder's files, and isn't an archive to anybody else.
    reference("folder_id", "folders"),
    UniqueConstraint("folder_id"),
)
Index("ix_archives_organization_id_created_at_id", archives.c.organization_id, archives.c.created_at, archives.c.id)
Index("ix_archives_embedding_due", archives.c.id, postgresql_where=archives.c.embedding_due)

archives_agents = Table(
    "archives_agents",
    metadata,
    reference("agent_id", "agents", primary_key=True),  # an agent has at most one archive
    reference("archive_id", "archives", nullable=False, index=True),
    # The archive was made for this agent: it goes with the agent, and follows its embedding model.
    Column("is_owner", Boolean, nullable=False, server_default="false"),
)

passages = entity_table(
    "passages",
    reference("archive_id", "archives", nullable=False),
    Column("text", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("metadata", Json, nullable=False, server_default="{}"),
    # Null where there is none (yet). Of any number of dimensions: a search only compares those that fit it.
    Column("embedding", Vector),
    # The model that the vector is from. With no vector: the model that refused the text.
    Column("embedding_model", Text),
    Column("search", TSVECTOR),  # filled by a trigger, see `letta.search.indexing`
    reference("file_id", "files"),  # that the passage is a piece of
)
Index("ix_passages_archive_id_created_at_id", passages.c.archive_id, passages.c.created_at, passages.c.id)
Index("ix_passages_file_id", passages.c.file_id, postgresql_where=passages.c.file_id.is_not(None))
Index("ix_passages_search", passages.c.search, postgresql_using="gin", postgresql_with={"fastupdate": "off"})

deleted_passages = Table(
    "deleted_passages",
    metadata,
    Column("id", Text, primary_key=True),
    reference("organization_id", "organizations", nullable=False, index=True),
    reference("archive_id", "archives", nullable=False),
    Column("text", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("metadata", Json, nullable=False),
    timestamp("created_at", nullable=False),
    Column("created_by_id", Text),
    timestamp("deleted_at", nullable=False, server_default=func.now()),
    Column("deleted_by_id", Text),
)
Index(
    "ix_deleted_passages_archive_id_deleted_at_id", *(deleted_passages.c[n] for n in ("archive_id", "deleted_at", "id"))
)
Index("ix_deleted_passages_deleted_at", deleted_passages.c.deleted_at)
