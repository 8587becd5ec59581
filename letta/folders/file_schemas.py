"""Files of folders on the wire."""

from typing import Any, Literal

from pydantic import AliasChoices, Field

from letta.agents.model_config import EmbeddingConfig
from letta.schema import Schema, Timestamp

FileProcessingStatus = Literal["pending", "parsing", "embedding", "completed", "error"]


class FileResponse(Schema):
    """A file of a folder."""

    id: str
    source_id: str = Field(
        validation_alias=AliasChoices("source_id", "folder_id"),
        description="Id of the folder.",
        json_schema_extra={"deprecated": True},
    )
    file_name: str | None = None
    original_file_name: str | None = Field(None, description="The name that was sent.")
    file_path: str | None = None
    file_type: str | None = None
    file_size: int | None = Field(None, description="Bytes that were uploaded.")
    file_creation_date: str | None = None
    file_last_modified_date: str | None = None
    processing_status: FileProcessingStatus = Field(
        description="parsing: its text is being read. embedding: it is found by its words, vectors follow. error: see "
        "error_message."
    )
    error_message: str | None = Field(None, description="Why it can't be read, and what to do about it.")
    total_chunks: int | None = Field(None, description="Passages that it was cut into.")
    chunks_embedded: int | None = Field(None, description="Passages that have a vector.")
    content: str | None = Field(None, description="Its text, where include_content asks for it.")
    organization_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class FilePassageResponse(Schema):
    """A passage of a file."""

    id: str
    text: str
    embedding: list[float] | None = Field(description="Null where there is none yet.")
    embedding_config: EmbeddingConfig | None
    tags: list[str] | None = None
    metadata: dict[str, Any] | None = Field(default_factory=dict)
    archive_id: str | None = None
    organization_id: str | None = None
    source_id: str | None = Field(None, description="Id of the folder.", json_schema_extra={"deprecated": True})
    file_id: str | None = None
    file_name: str | None = None
    is_deleted: bool = False
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class FileStats(Schema):
    """How large a file is."""

    file_id: str
    file_name: str
    file_size: int | None = None


class SourceStats(Schema):
    """How much there is in a folder."""

    source_id: str = Field(json_schema_extra={"deprecated": True})
    source_name: str = Field(json_schema_extra={"deprecated": True})
    file_count: int = 0
    total_size: int = 0
    files: list[FileStats] = Field(default_factory=list)


class OrganizationSourcesStats(Schema):
    """How much there is in all folders."""

    total_sources: int = 0
    total_files: int = 0
    total_size: int = 0
    sources: list[SourceStats] = Field(default_factory=list, description="The folders, where they were asked for.")


class AgentFileAttachment(Schema):
    """A file as an agent has it."""

    id: str
    file_id: str
    file_name: str = Field(description="Name by which the agent knows it: folder/file.")
    folder_id: str
    folder_name: str
    is_open: bool
    last_accessed_at: Timestamp | None = None
    visible_content: str | None = Field(None, description="What the agent sees of it.")
    start_line: int | None = Field(None, description="First line that it sees, counted from 0, unless the file's.")
    end_line: int | None = Field(None, description="The line behind the last one that it sees.")


class PaginatedAgentFiles(Schema):
    """A page of an agent's files."""

    files: list[AgentFileAttachment]
    next_cursor: str | None = Field(None, description="Id to be given as `after` for the next page.")
    has_more: bool
