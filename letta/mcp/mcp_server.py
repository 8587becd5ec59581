"""An MCP server as the rest of this server knows it."""

from dataclasses import dataclass, field

from letta.json_types import JsonObject

STDIO = "stdio"
SSE = "sse"
STREAMABLE_HTTP = "streamable_http"


@dataclass(slots=True)
class McpServer:
    """Where tools are offered, and what it takes to ask for them: an address, or a command that is run here."""

    id: str
    server_name: str
    server_type: str
    server_url: str | None = None
    auth_header: str | None = None
    auth_token: str | None = None
    custom_headers: dict[str, str] | None = None
    command: str | None = None
    args: list[str] = field(default_factory=list)
    env: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What came of comparing a server's tools with those that are stored: names of tools."""

    added: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)

    def shown(self) -> JsonObject:
        """On the wire; tools that were left out are named, with the reason, where there are any."""
        shown: JsonObject = {"deleted": self.deleted, "updated": self.updated, "added": self.added}
        return shown | ({"skipped": self.skipped} if self.skipped else {})
