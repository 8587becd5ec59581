"""Files in folders, what agents see of them, and their passages, which are kept in an archive of the folder."""

import sqlalchemy as sa
from alembic import op

from letta.database.base import SCHEMA
from letta.database.migrations.exposure import close_to_data_api

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    _create_files()
    _create_files_agents()
    op.add_column("archives", sa.Column("folder_id", sa.Text()), schema=SCHEMA)
    op.create_foreign_key(
        op.f("fk_archives_folder_id"),
        "archives",
        "folders",
        ["folder_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
        ondelete="CASCADE",
    )
    op.create_unique_constraint(op.f("uq_archives_folder_id"), "archives", ["folder_id"], schema=SCHEMA)
    op.add_column("passages", sa.Column("file_id", sa.Text()), schema=SCHEMA)
    op.create_foreign_key(
        op.f("fk_passages_file_id"),
        "passages",
        "files",
        ["file_id"],
        ["id"],
        source_schema=SCHEMA,
        referent_schema=SCHEMA,
        ondelete="CASCADE",
    )
    op.create_index(
        "ix_passages_file_id",
        "passages",
        ["file_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("file_id IS NOT NULL"),
    )
    op.execute(f"ALTER TABLE {SCHEMA}.passages ALTER COLUMN file_id SET STORAGE MAIN")
    close_to_data_api()


def _audit_columns() -> list[sa.Column[object]]:
    return [
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by_id", sa.Text()),
        sa.Column("last_updated_by_id", sa.Text()),
    ]


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column], [f"{SCHEMA}.{target}.id"], name=op.f(f"fk_{table}_{column}"), ondelete="CASCADE"
    )


def _create_files() -> None:
    op.create_table(
        "files",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("folder_id", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("original_file_name", sa.Text()),
        sa.Column("file_type", sa.Text()),
        sa.Column("file_size", sa.BigInteger()),
        sa.Column("content", sa.Text()),
        sa.Column("line_count", sa.Integer()),
        sa.Column("processing_status", sa.Text(), server_default="parsing", nullable=False),
        sa.Column("error_message", sa.Text()),
        sa.Column("total_chunks", sa.Integer()),
        sa.Column("chunks_embedded", sa.Integer()),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("claimed_by", sa.Text()),
        sa.Column("claimed_until", sa.DateTime(timezone=True)),
        *_audit_columns(),
        _reference("files", "organization_id", "organizations"),
        _reference("files", "folder_id", "folders"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files")),
        sa.UniqueConstraint("folder_id", "file_name", name=op.f("uq_files_folder_id_file_name")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_files_organization_id"), "files", ["organization_id"], schema=SCHEMA)
    op.create_index("ix_files_folder_id_created_at_id", "files", ["folder_id", "created_at", "id"], schema=SCHEMA)
    op.create_index(
        "ix_files_unread",
        "files",
        ["created_at", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("processing_status = 'parsing'"),
    )
    op.create_table(
        "file_uploads",
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        _reference("file_uploads", "file_id", "files"),
        _reference("file_uploads", "organization_id", "organizations"),
        sa.PrimaryKeyConstraint("file_id", "number", name=op.f("pk_file_uploads")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_file_uploads_organization_id"), "file_uploads", ["organization_id"], schema=SCHEMA)
    # What is uploaded is mostly compressed already, and gone soon.
    op.execute(f"ALTER TABLE {SCHEMA}.file_uploads ALTER COLUMN data SET STORAGE EXTERNAL")


def _create_files_agents() -> None:
    op.create_table(
        "files_agents",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Text(), nullable=False),
        sa.Column("folder_id", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("is_open", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("visible_content", sa.Text()),
        sa.Column("start_line", sa.Integer()),
        sa.Column("end_line", sa.Integer()),
        sa.Column("last_accessed_at", sa.DateTime(timezone=True)),
        *_audit_columns(),
        _reference("files_agents", "organization_id", "organizations"),
        _reference("files_agents", "file_id", "files"),
        sa.ForeignKeyConstraint(
            ["agent_id", "folder_id"],
            [f"{SCHEMA}.agents_folders.agent_id", f"{SCHEMA}.agents_folders.folder_id"],
            name=op.f("fk_files_agents_agent_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_files_agents")),
        sa.UniqueConstraint("agent_id", "file_id", name=op.f("uq_files_agents_agent_id_file_id")),
        schema=SCHEMA,
    )
    op.create_index(op.f("ix_files_agents_organization_id"), "files_agents", ["organization_id"], schema=SCHEMA)
    op.create_index(op.f("ix_files_agents_file_id"), "files_agents", ["file_id"], schema=SCHEMA)
