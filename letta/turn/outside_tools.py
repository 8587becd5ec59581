"""Carrying out the calls that don't belong into the committing transaction, such as searches."""

from collections.abc import Sequence

from letta.database.engine import Database
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import checked_arguments, parse_arguments
from letta.memory_tools.search import conversation_search
from letta.tools.tool import Tool
from letta.turn.tools import JsonObject, ToolReturn, failed, limited
from letta.turn.turn import Turn

_OUTSIDE = {"custom", "external_mcp", "letta_builtin", "letta_multi_agent_core"}


def takes_effect_outside(tool: Tool) -> bool:
    """Whether a call of the tool may change something that no transaction of ours can take back.

    Such calls are stored before they are carried out, and never carried out twice.
    """
    return tool.tool_type in _OUTSIDE


async def run_outside(database: Database, turn: Turn, calls: Sequence[JsonObject]) -> dict[str, ToolReturn]:
    """Returns of those of these calls that run outside the transaction, by call id."""
    tools = {tool.name: tool for tool in turn.tools if tool.name == "conversation_search"}
    done: dict[str, ToolReturn] = {}
    for call in calls:
        if call["name"] in tools:
            done[call["id"]] = limited(await _search(database, turn, call), tools[call["name"]])
    return done


async def _search(database: Database, turn: Turn, call: JsonObject) -> ToolReturn:
    try:
        arguments = checked_arguments(call["name"], parse_arguments(call["arguments"]))
        text = await database.read(conversation_search, turn.agent, **arguments)
    except ToolError as error:
        return failed(call, str(error))
    return ToolReturn(call, "success", text)
