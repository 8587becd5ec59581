"""What a call comes to where not even the MCP server's address can be read."""

import asyncio

import pytest

from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.mcp.calls import call_mcp_tool
from letta.organizations.actor import DEFAULT_ACTOR
from letta.tools.tool import EXTERNAL_MCP, Tool


def test_a_database_outage_is_not_told_as_an_error_of_the_tool() -> None:
    nowhere = Database(parse_dsn("postgresql://u:p@127.0.0.1:9/none"))
    tool = Tool("tool-1", "add", EXTERNAL_MCP, {"name": "add"}, metadata={"mcp": {"server_id": "mcp_server-1"}})
    try:
        with pytest.raises(UnavailableError):
            asyncio.run(call_mcp_tool(nowhere, DEFAULT_ACTOR, tool, {}, None))
    finally:
        nowhere.close()
