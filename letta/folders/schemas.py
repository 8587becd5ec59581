"""Folders on the wire."""

from typing import Any, Literal

from pydantic import Field

from letta.agents.model_config import EmbeddingConfig
from letta.schema import Schema, Timestamp

MAX_NAME_CHARACTERS = 255


class CreateFolder(Schema):
    """A new folder."""

    name: str = Field(
        min_length=1, max_length=MAX_NAME_CHARACTERS, description="Name of the folder, unique in the organization."
    )
    description: str | None = None
    instructions: str | None = Field(None, description="Instructions for agents on how to use the files.")
    metadata: dict[str, Any] | None = None
    embedding: str | None = Field(None, description="Handle of the model that embeds the files.")
    embedding_chunk_size: int | None = Field(None, gt=0, description="Size of one passage in tokens.")
    embedding_config: EmbeddingConfig | None = Field(None, json_schema_extra={"deprecated": True})


class UpdateFolder(Schema):
    """Changes to a folder. Fields that are left out stay as they are."""

    name: str | None = Field(None, min_length=1, max_length=MAX_NAME_CHARACTERS)
    description: str | None = None
    instructions: str | None = None
    metadata: dict[str, Any] | None = None
    embedding_config: EmbeddingConfig | None = None


class FolderResponse(Schema):
    """A stored folder."""

    id: str
    name: str
    description: str | None = None
    instructions: str | None = None
    metadata: dict[str, Any] | None = None
    embedding_config: EmbeddingConfig | None = Field(description="Null if files are found by keywords only.")
    organization_id: str | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class SourceResponse(FolderResponse):
    """A folder under its former name."""

    vector_db_provider: Literal["native"] = "native"
