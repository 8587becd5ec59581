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
    original_file_name: str | None = Field(None, description="The name under which the file was uploaded.")
    file_path: str | None = None
    file_type: str | None = None
    file_size: int | None = Field(None, description="Size of the upload in bytes.")
    file_creation_date: str | None = None
    file_last_modified_date: str | None = None
    processing_status: FileProcessingStatus = Field(
        description="parsing: the text is being extracted. embedding: the file is already found by keywords; vectors "
        "follow. error: see error_message."
    )
    error_message: str | None = Field(None, description="Why the file can't be read, and what to do about it.")
    total_chunks: int | None = Field(None, description="Number of passages that the file was split into.")
    chunks_embedded: int | None = Field(None, description="Number of passages that have a vector.")
    content: str | None = Field(None, description="The text of the file, if include_content asks for it.")
    organization_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class FilePassageResponse(Schema):
    """A passage of a file."""

    id: str
    text: str
    embedding: list[float] | None = Field(description="Null if there is none yet.")
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
    sources: list[SourceStats] = Field(default_factory=list, description="The folders, if they were asked for.")


class AgentFileAttachment(Schema):
    """A file as an agent has it."""

    id: str
    file_id: str
    file_name: str = Field(description="Name under which the agent sees the file: folder/file.")
    folder_id: str
    folder_name: str
    is_open: bool
    last_accessed_at: Timestamp | None = None
    visible_content: str | None = Field(None, description="The part of the file that the agent sees.")
    start_line: int | None = Field(
        None, description="First line that the agent sees, counted from 0; null for the beginning of the file."
    )
    end_line: int | None = Field(None, description="The line after the last one that the agent sees.")


class PaginatedAgentFiles(Schema):
    """A page of an agent's files."""

    files: list[AgentFileAttachment]
    next_cursor: str | None = Field(None, description="Id to send as `after` for the next page.")
    has_more: bool
