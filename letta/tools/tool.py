"""A tool as the rest of the server knows it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from letta.constants import DEFAULT_RETURN_CHAR_LIMIT

CUSTOM = "custom"
"""Type of the tools whose source users have written."""
EXTERNAL_MCP = "external_mcp"
"""Type of the tools that MCP servers offer."""


@dataclass(slots=True)
class Tool:
    """A function that a model may call. ``json_schema`` is ``{"name", "description", "parameters"}``."""

    id: str
    name: str
    tool_type: str
    json_schema: dict[str, Any]
    description: str | None = None
    source_type: str | None = None
    source_code: str | None = None
    args_json_schema: dict[str, Any] | None = None
    tags: list[str] = field(default_factory=list)
    return_char_limit: int = DEFAULT_RETURN_CHAR_LIMIT
    pip_requirements: list[dict[str, Any]] | None = None
    npm_requirements: list[dict[str, Any]] | None = None
    default_requires_approval: bool | None = None
    enable_parallel_execution: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)
    project_id: str | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    @property
    def is_builtin(self) -> bool:
        """Whether it came with the server, so that its name tells what it does."""
        return self.tool_type.startswith("letta_")
