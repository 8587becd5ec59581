"""What agents do elsewhere, and with which secrets."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from letta.settings.kinds import Secret, SettingsGroup, Text, env, lower

ToolEngine = Literal["monty", "process", "e2b", "off"]


def _expanded(value: Path | None) -> Path | None:
    """With the home directory that a shell has left as ``~``, because it was quoted."""
    try:
        return value and value.expanduser()
    except RuntimeError as error:
        raise ValueError("the home directory that ~ stands for isn't known") from error


class SecretSettings(SettingsGroup):
    """Secrets"""

    encryption_key: Secret = Field(
        None,
        validation_alias=env("LETTA_ENCRYPTION_KEY"),
        description="Key that encrypts secrets in the database.",
    )
    legacy_encryption_key: Secret = Field(
        None,
        validation_alias=env("LETTA_LEGACY_ENCRYPTION_KEY"),
        description="Key of the former server, to read its secrets with; LETTA_ENCRYPTION_KEY unless set.",
    )


class ToolSettings(SettingsGroup):
    """Tools"""

    exa_api_key: Secret = Field(None, validation_alias=env("EXA_API_KEY"), description="Exa, for web search.")
    exa_base_url: str = Field(
        "https://api.exa.ai", validation_alias=env("EXA_BASE_URL"), description="Address of the search service."
    )

    tool_sandbox: Annotated[ToolEngine | None, BeforeValidator(lower)] = Field(
        None,
        validation_alias=env("LETTA_TOOL_SANDBOX"),
        description="What runs custom Python tools: monty, process, e2b or off. monty on Render and wherever others "
        "can reach the server, else process.",
    )
    tool_sandbox_timeout: float = Field(
        180,
        gt=0,
        le=3600,
        validation_alias=env("TOOL_SANDBOX_TIMEOUT"),
        description="Seconds that one call of a custom tool may take.",
    )
    tool_memory_mb: int = Field(
        512,
        ge=32,
        validation_alias=env("LETTA_TOOL_MEMORY_MB"),
        description="Most memory that one call of a custom tool may use; 64 is the most that monty gives.",
    )
    tool_exec_dir: Annotated[Path | None, AfterValidator(_expanded)] = Field(
        None,
        validation_alias=env("TOOL_EXEC_DIR"),
        description="Where tools get a directory of their own while they run; LETTA_DIR/tools unless set.",
    )
    e2b_api_key: Secret = Field(None, validation_alias=env("E2B_API_KEY"), description="E2B, to run custom tools.")
    e2b_template: Text = Field(
        None,
        validation_alias=env("E2B_SANDBOX_TEMPLATE_ID"),
        description="Template of E2B's sandboxes; E2B's own default unless set.",
    )
    mcp_disable_stdio: bool = Field(
        True,
        validation_alias=env("MCP_DISABLE_STDIO"),
        description="Refuse MCP servers of type stdio, which are commands that this server runs with its own rights.",
    )
    mcp_connect_seconds: float = Field(
        30,
        gt=0,
        le=600,
        validation_alias=env("MCP_CONNECT_TO_SERVER_TIMEOUT"),
        description="Seconds within which an MCP server has to be reached.",
    )
    mcp_list_seconds: float = Field(
        30,
        gt=0,
        le=600,
        validation_alias=env("MCP_LIST_TOOLS_TIMEOUT"),
        description="Seconds within which an MCP server has to tell its tools.",
    )
    mcp_call_seconds: float = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=env("MCP_EXECUTE_TOOL_TIMEOUT"),
        description="Seconds that one call of an MCP server's tool may take.",
    )
