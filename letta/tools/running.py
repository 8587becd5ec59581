"""Running custom tools: for a turn, and for those who ask for it."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from letta.database.engine import Database
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.sandbox.sandbox import Sandbox
from letta.tools.tool import EXTERNAL_MCP, Tool

if TYPE_CHECKING:
    from letta.tools.calls import ToolRun


class CustomTools:
    """Runs tools in the sandbox, with what they need of an agent."""

    def __init__(self, database: Database, sandbox: Sandbox) -> None:
        self._database = database
        self._sandbox = sandbox

    async def run(
        self,
        actor: Actor,
        tool: Tool,
        arguments: JsonObject,
        *,
        agent_id: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "ToolRun":
        """Call a tool. Whatever goes wrong is told in what is returned.

        Args:
            actor: who calls it.
            tool: with its source.
            arguments: as a model or a caller gave them.
            agent_id: the agent whose secrets, state and client it gets.
            environment: further variables, which go before the agent's.
        """
        if tool.tool_type == EXTERNAL_MCP:
            from letta.mcp.calls import call_mcp_tool

            return await call_mcp_tool(self._database, actor, tool, arguments, agent_id)
        from letta.tools.calls import ToolCaller

        return await ToolCaller(self._database, self._sandbox, actor, tool).call(arguments, agent_id, environment or {})

    async def run_code(self, code: str, language: str) -> "ToolRun":
        """Run a program that an agent has written; see `letta.tools.code.run_code`."""
        from letta.tools.code import run_code

        return await run_code(self._sandbox, code, language)
