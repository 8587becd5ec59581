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
        raise ValueError("the home directory that ~ stands for is unknown") from error


class SecretSettings(SettingsGroup):
    """Secrets"""

    encryption_key: Secret = Field(
        None,
        validation_alias=env("LETTA_ENCRYPTION_KEY"),
        description="Key that encrypts secrets in the database. Without it they are stored unencrypted; on Render, "
        "the server then refuses to start. The embedded database makes its own.",
    )
    legacy_encryption_key: Secret = Field(
        None,
        validation_alias=env("LETTA_LEGACY_ENCRYPTION_KEY"),
        description="Key of the former server, to decrypt its secrets; by default, LETTA_ENCRYPTION_KEY.",
    )


class ToolSettings(SettingsGroup):
    """Tools"""

    exa_api_key: Secret = Field(
        None, validation_alias=env("EXA_API_KEY"), description="Key for Exa, the web search service."
    )
    exa_base_url: str = Field(
        "https://api.exa.ai", validation_alias=env("EXA_BASE_URL"), description="Base URL of the web search service."
    )

    tool_sandbox: Annotated[ToolEngine | None, BeforeValidator(lower)] = Field(
        None,
        validation_alias=env("LETTA_TOOL_SANDBOX"),
        description="Engine that runs custom Python tools: monty, process, e2b or off. By default, monty on Render and "
        "wherever others can reach the server, else process.",
    )
    tool_sandbox_timeout: float = Field(
        180,
        gt=0,
        le=3600,
        validation_alias=env("TOOL_SANDBOX_TIMEOUT"),
        description="Most seconds that one call of a custom tool may take.",
    )
    tool_memory_mb: int = Field(
        512,
        ge=32,
        validation_alias=env("LETTA_TOOL_MEMORY_MB"),
        description="Most megabytes of memory that one call of a custom tool may use; monty never gives more than 64.",
    )
    tool_exec_dir: Annotated[Path | None, AfterValidator(_expanded)] = Field(
        None,
        validation_alias=env("TOOL_EXEC_DIR"),
        description="Directory in which each running tool gets its own working directory; by default, LETTA_DIR/tools.",
    )
    e2b_api_key: Secret = Field(
        None, validation_alias=env("E2B_API_KEY"), description="Key for E2B, which can run custom tools."
    )
    e2b_template: Text = Field(
        None,
        validation_alias=env("E2B_SANDBOX_TEMPLATE_ID"),
        description="Template for E2B sandboxes; by default, E2B's own.",
    )
    mcp_disable_stdio: bool = Field(
        True,
        validation_alias=env("MCP_DISABLE_STDIO"),
        description="Refuse MCP servers of type stdio, which are commands that run with this server's permissions.",
    )
    mcp_connect_seconds: float = Field(
        30,
        gt=0,
        le=600,
        validation_alias=env("MCP_CONNECT_TO_SERVER_TIMEOUT"),
        description="Seconds within which an MCP server must be reached.",
    )
    mcp_list_seconds: float = Field(
        30,
        gt=0,
        le=600,
        validation_alias=env("MCP_LIST_TOOLS_TIMEOUT"),
        description="Seconds within which an MCP server must list its tools.",
    )
    mcp_call_seconds: float = Field(
        60,
        gt=0,
        le=3600,
        validation_alias=env("MCP_EXECUTE_TOOL_TIMEOUT"),
        description="Most seconds that one call of an MCP tool may take.",
    )
