"""Blocks on the wire."""

from typing import Any, Literal

from pydantic import Field

from letta.constants import DEFAULT_BLOCK_LIMIT
from letta.schema import Schema, Timestamp


class _BlockFields(Schema):
    limit: int = Field(DEFAULT_BLOCK_LIMIT, ge=0, le=2**31 - 1, description="Most characters the value may have.")
    description: str | None = Field(None, description="What the block is for; shown to the agent.")
    metadata: dict[str, Any] | None = Field(default_factory=dict, description="Arbitrary data of the client.")
    read_only: bool = Field(False, description="Whether agents are prevented from editing the block.")
    hidden: bool | None = Field(None, description="Whether lists omit the block.")
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


class BlockVersionResponse(Schema):
    """What a block was like from one edit to the next."""

    block_id: str
    version: int = Field(description="Counts the block's edits from 1.")
    label: str
    value: str
    limit: int
    description: str | None = None
    author_type: Literal["agent", "user"] = Field(description="Whether an agent or a user of the API made the edit.")
    author_id: str | None = Field(None, description="Id of the agent or user.")
    run_id: str | None = Field(None, description="The run in which an agent made the edit.")
    created_at: Timestamp
    diff: str = Field(description="What the edit changed in the value: removed lines begin with -, added lines with +.")


class BlockComparison(Schema):
    """What differs between the values of two versions of a block."""

    block_id: str
    version: int
    other: int
    value: str
    other_value: str
    diff: str = Field(description="From `version` to `other`: removed lines begin with -, added ones with +.")


class RevertBlock(Schema):
    """To which version a block goes back."""

    version: int = Field(ge=1, le=2**31 - 1)
    current_version: int | None = Field(
        None,
        ge=1,
        le=2**31 - 1,
        description="The version that the client believes the block to have; 409 if it has another.",
    )
