"""Tools on the wire."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from letta.constants import DEFAULT_RETURN_CHAR_LIMIT
from letta.schema import Schema

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
    version: str | None = Field(None, description="Exact version; by default, the newest.")


class CreateTool(Schema):
    """A new tool, or the new state of the tool that has the same name."""

    source_code: str = Field(description="Source code whose last function is the tool.")
    source_type: SourceType = "python"
    description: str | None = Field(None, description="Description shown in lists; by default, the docstring's text.")
    tags: list[str] | None = Field(None, description="Tags to find the tool by.")
    json_schema: dict[str, Any] | None = Field(
        None,
        description="Name, description and parameters as the model sees them; by default, derived from the source "
        "code.",
    )
    args_json_schema: dict[str, Any] | None = Field(
        None, description="JSON schema of the arguments, instead of the one derived from the signature."
    )
    return_char_limit: int = Field(DEFAULT_RETURN_CHAR_LIMIT, ge=1, le=MAX_RETURN_CHAR_LIMIT)
    pip_requirements: list[Requirement] | None = None
    npm_requirements: list[Requirement] | None = None
    default_requires_approval: bool | None = Field(None, description="Whether each call needs approval.")
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


class ToolRunFromSource(Schema):
    """A source to run once. Nothing is stored."""

    source_code: str = Field(description="Source code whose last function is the tool.")
    args: dict[str, Any] = Field(description="Arguments of the function, by name.")
    env_vars: dict[str, str] = Field(default_factory=dict, description="Environment variables for the tool.")
    name: str | None = Field(None, description="Name of the function to call, if the source has several.")
    source_type: SourceType | None = None
    args_json_schema: dict[str, Any] | None = None
    json_schema: dict[str, Any] | None = None
    pip_requirements: list[Requirement] | None = None
    npm_requirements: list[Requirement] | None = None


class ToolExecuteRequest(Schema):
    """Arguments for a tool of an agent."""

    args: dict[str, Any] = Field(default_factory=dict)


class ToolReturnItem(Schema):
    """What one call of a tool came to."""

    type: Literal["tool"] = "tool"
    tool_return: str
    status: Literal["success", "error"]
    tool_call_id: str = "null"
    stdout: list[str] | None = None
    stderr: list[str] | None = None


class ToolRunMessage(Schema):
    """What running a source came to, in the form of an agent's message."""

    id: str = "null"
    date: datetime
    name: str | None = None
    message_type: Literal["tool_return_message"] = "tool_return_message"
    otid: str | None = None
    sender_id: str | None = None
    step_id: str | None = None
    is_err: bool | None = None
    seq_id: int | None = None
    run_id: str | None = None
    tool_return: str
    status: Literal["success", "error"]
    tool_call_id: str = "null"
    stdout: list[str] | None = None
    stderr: list[str] | None = None
    tool_returns: list[ToolReturnItem]


class ToolExecutionResult(Schema):
    """What running a tool of an agent came to. ``func_return`` is what the function returned, as JSON."""

    status: Literal["success", "error"]
    func_return: Any = None
    agent_state: None = Field(None, description="Always null: tools get a copy of the agent's state.", deprecated=True)
    stdout: list[str] | None = None
    stderr: list[str] | None = None
    sandbox_config_fingerprint: str | None = None


class SourceCode(Schema):
    """A source to describe."""

    code: str
    source_type: SourceType | None = "python"


class ToolSearchRequest(Schema):
    """A search among tools."""

    query: str | None = Field(None, description="What the tool should do; if omitted, the newest tools are returned.")
    search_mode: Literal["vector", "fts", "hybrid"] = Field(
        "hybrid", description="Tools are found by keywords, whatever the mode."
    )
    tool_types: list[str] | None = Field(None, description="Only tools of these types.")
    tags: list[str] | None = Field(None, description="Only tools with one of these tags.")
    limit: int = Field(50, ge=1, le=100)


class ToolSearchResult(Schema):
    """A tool that was found."""

    tool: ToolResponse
    embedded_text: str | None = Field(None, description="The text that was searched.")
    fts_rank: int | None = Field(None, description="Rank by keywords, from 1; null without a query.")
    vector_rank: int | None = None
    combined_score: float = Field(description="1 for the best match, 0 without a query.")
