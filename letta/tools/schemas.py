"""Tools on the wire."""

from typing import Any, Literal

from pydantic import Field

from letta.constants import DEFAULT_RETURN_CHAR_LIMIT
from letta.http.schema import Schema

ToolType = Literal[
    "custom",
    "letta_core",
    "letta_memory_core",
    "letta_multi_agent_core",
    "letta_sleeptime_core",
    "letta_voice_sleeptime_core",
    "letta_builtin",
    "letta_files_core",
    "external_langchain",
    "external_composio",
    "external_mcp",
]
SourceType = Literal["python", "typescript", "json"]

MAX_RETURN_CHAR_LIMIT = 1_000_000


class Requirement(Schema):
    """A package that a tool imports."""

    name: str = Field(min_length=1)
    version: str | None = Field(None, description="Exact version; the newest when left out.")


class CreateTool(Schema):
    """A new tool, or the new state of the tool that has the same name."""

    source_code: str = Field(description="Source whose last function is the tool.")
    source_type: SourceType = "python"
    description: str | None = Field(None, description="What lists show; the docstring's text unless given.")
    tags: list[str] | None = Field(None, description="Tags to find the tool by.")
    json_schema: dict[str, Any] | None = Field(
        None,
        description="Name, description and parameters as the model sees them; derived from the source unless given.",
    )
    args_json_schema: dict[str, Any] | None = Field(
        None, description="JSON schema of the arguments, instead of what the signature says."
    )
    return_char_limit: int = Field(DEFAULT_RETURN_CHAR_LIMIT, ge=1, le=MAX_RETURN_CHAR_LIMIT)
    pip_requirements: list[Requirement] | None = None
    npm_requirements: list[Requirement] | None = None
    default_requires_approval: bool | None = Field(None, description="Whether agents must ask before each call.")
    enable_parallel_execution: bool | None = False


class UpdateTool(Schema):
    """Changes to a tool. Fields that are left out stay as they are; a changed source gets a new schema."""

    source_code: str | None = None
    source_type: SourceType | None = None
    description: str | None = None
    tags: list[str] | None = None
    json_schema: dict[str, Any] | None = None
    args_json_schema: dict[str, Any] | None = None
    return_char_limit: int | None = Field(None, ge=1, le=MAX_RETURN_CHAR_LIMIT)
    pip_requirements: list[Requirement] | None = None
    npm_requirements: list[Requirement] | None = None
    metadata_: dict[str, Any] | None = None
    default_requires_approval: bool | None = None
    enable_parallel_execution: bool | None = None


class ToolResponse(Schema):
    """A stored tool."""

    id: str
    tool_type: ToolType = "custom"
    description: str | None = None
    source_type: str | None = None
    name: str | None = None
    tags: list[str] = Field(default_factory=list)
    source_code: str | None = None
    json_schema: dict[str, Any] | None = None
    args_json_schema: dict[str, Any] | None = None
    return_char_limit: int = DEFAULT_RETURN_CHAR_LIMIT
    pip_requirements: list[Requirement] | None = None
    npm_requirements: list[Requirement] | None = None
    default_requires_approval: bool | None = None
    enable_parallel_execution: bool | None = False
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    metadata_: dict[str, Any] | None = Field(None, validation_alias="metadata")
    project_id: str | None = None


class SourceCode(Schema):
    """A source to describe."""

    code: str
    source_type: SourceType | None = "python"
