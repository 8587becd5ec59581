"""Blocks on the wire."""

from typing import Any

from pydantic import Field

from letta.constants import DEFAULT_BLOCK_LIMIT
from letta.http.schema import Schema


class _BlockFields(Schema):
    limit: int = Field(DEFAULT_BLOCK_LIMIT, ge=0, le=2**31 - 1, description="Most characters the value may have.")
    description: str | None = Field(None, description="What the block is for, as the agent reads it.")
    metadata: dict[str, Any] | None = Field(default_factory=dict, description="Anything a client wants to keep here.")
    read_only: bool = Field(False, description="Whether the agent may not edit the block.")
    hidden: bool | None = Field(None, description="Whether lists leave the block out.")
    tags: list[str] | None = Field(None, description="Tags to find the block by.")
    is_template: bool = False
    template_name: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    project_id: str | None = None
    preserve_on_migration: bool | None = False


class CreateBlock(_BlockFields):
    """A new block."""

    label: str = Field(min_length=1, max_length=255, description="Name of the block within an agent.")
    value: str = Field("", description="Text of the block.")


class UpdateBlock(Schema):
    """Changes to a block. Fields that are left out stay as they are."""

    label: str | None = Field(None, min_length=1, max_length=255)
    value: str | None = None
    limit: int | None = Field(None, ge=0, le=2**31 - 1)
    description: str | None = None
    metadata: dict[str, Any] | None = None
    read_only: bool | None = None
    hidden: bool | None = None
    tags: list[str] | None = None
    is_template: bool | None = None
    template_name: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    project_id: str | None = None
    preserve_on_migration: bool | None = None


class BlockResponse(_BlockFields):
    """A stored block."""

    id: str
    label: str | None
    value: str
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    tags: list[str] | None = Field(default_factory=list)
