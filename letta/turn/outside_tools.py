"""Carrying out the calls that don't belong into the committing transaction, such as searches."""

from letta.database.engine import Database
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import checked_arguments, parse_arguments
from letta.memory_tools.search import conversation_search
from letta.turn.commit import StepAnswer
from letta.turn.tools import JsonObject, ToolReturn, failed, limited
from letta.turn.turn import Turn


async def run_outside(database: Database, turn: Turn, answer: StepAnswer) -> dict[str, ToolReturn]:
    """Returns of the step's calls that run outside the transaction, by call id."""
    tools = {tool.name: tool for tool in turn.tools if tool.name == "conversation_search"}
    done: dict[str, ToolReturn] = {}
    for call in answer.message.tool_calls or ():
        if call["name"] in tools and call["id"] not in answer.refused:
            done[call["id"]] = limited(await _search(database, turn, call), tools[call["name"]])
    return done


async def _search(database: Database, turn: Turn, call: JsonObject) -> ToolReturn:
    try:
        arguments = checked_arguments(call["name"], parse_arguments(call["arguments"]))
        text = await database.read(conversation_search, turn.agent, **arguments)
    except ToolError as error:
        return failed(call, str(error))
    return ToolReturn(call, "success", text)
