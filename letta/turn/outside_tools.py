"""Carrying out the calls that don't belong into the committing transaction, such as searches."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from letta.agents.repository import secrets_of_agents
from letta.archives.memory import ArchivalMemory
from letta.database.engine import Database
from letta.memory_tools.archival import archival_search, archival_search_text, new_passage
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import checked_arguments, parse_arguments
from letta.memory_tools.search import conversation_search
from letta.settings import settings
from letta.tools.tool import Tool
from letta.turn.tools import ARCHIVAL_INSERT, JsonObject, ToolReturn, failed, limited
from letta.turn.turn import Turn
from letta.web_tools.fetch import fetch_webpage
from letta.web_tools.search import web_search


@dataclass(frozen=True, slots=True)
class Means:
    """What tools work with."""

    database: Database
    archival: ArchivalMemory


_OUTSIDE = {"custom", "external_mcp", "letta_builtin", "letta_multi_agent_core"}


def takes_effect_outside(tool: Tool) -> bool:
    """Whether a call of the tool may change something that no transaction of ours can take back.

    Such calls are stored before they are carried out, and never carried out twice.
    """
    return tool.tool_type in _OUTSIDE


async def run_outside(means: Means, turn: Turn, calls: Sequence[JsonObject]) -> dict[str, ToolReturn]:
    """Returns of those of these calls that run outside the transaction, by call id.

    Tools that allow it run side by side, before the others, which run in order. What others need for their
    transaction is prepared.
    """
    await _prepare_passages(means, turn, calls)
    tools = {tool.name: tool for tool in turn.tools if tool.is_builtin and tool.name in _RUNNERS}
    ours = [call for call in calls if call["name"] in tools]
    together = [call for call in ours if tools[call["name"]].enable_parallel_execution]
    returns = await _side_by_side([_run(means, turn, tools[call["name"]], call) for call in together])
    for call in ours:
        if call not in together:
            returns.append(await _run(means, turn, tools[call["name"]], call))
    return {returned.call["id"]: returned for returned in returns}


async def _side_by_side(running: Sequence[Awaitable[ToolReturn]]) -> list[ToolReturn]:
    """The results of all, once all have ended, however they end."""
    if len(running) == 1:
        return [await running[0]]
    ended = await asyncio.gather(*running, return_exceptions=True)
    for result in ended:
        if isinstance(result, BaseException):
            raise result
    return [result for result in ended if isinstance(result, ToolReturn)]


async def _prepare_passages(means: Means, turn: Turn, calls: Sequence[JsonObject]) -> None:
    """Make the vectors of what is to be kept, which takes too long for a transaction."""
    if not any(tool.is_builtin and tool.name == ARCHIVAL_INSERT for tool in turn.tools):
        return
    described = {}
    for call in calls:
        if call["name"] == ARCHIVAL_INSERT:
            with suppress(ToolError):  # which the transaction tells
                arguments = checked_arguments(ARCHIVAL_INSERT, parse_arguments(call["arguments"]))
                described[call["id"]] = new_passage(**arguments)
    if described:
        prepared = await means.archival.prepare_for_agent(turn.actor, turn.agent.id, list(described.values()))
        turn.passages = dict(zip(described, prepared, strict=True))


async def _run(means: Means, turn: Turn, tool: Tool, call: JsonObject) -> ToolReturn:
    try:
        arguments = checked_arguments(call["name"], parse_arguments(call["arguments"]))
        text = await _RUNNERS[call["name"]](means, turn, arguments)
    except ToolError as error:
        return failed(call, str(error))
    return limited(ToolReturn(call, "success", text), tool)


async def _search_archive(means: Means, turn: Turn, arguments: JsonObject) -> str:
    search = archival_search(turn.agent.timezone, **arguments)
    found = [] if search is None else await means.archival.find_for_agent(turn.actor, turn.agent.id, search)
    return archival_search_text(found, turn.agent.timezone)


async def _search_conversation(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await means.database.read(conversation_search, turn.actor, turn.agent, turn.run_id, **arguments)


async def _fetch(_means: Means, _turn: Turn, arguments: JsonObject) -> str:
    return await fetch_webpage(**arguments)


async def _search_web(means: Means, turn: Turn, arguments: JsonObject) -> str:
    found = await means.database.read(secrets_of_agents, [turn.agent.id])
    own = {secret.key: secret.value for secret in found.get(turn.agent.id, ())}
    key = own.get("EXA_API_KEY") or (settings.exa_api_key and settings.exa_api_key.get_secret_value())
    return await web_search(**arguments, key=key or None)


_RUNNERS: dict[str, Callable[[Means, Turn, JsonObject], Awaitable[str]]] = {
    "archival_memory_search": _search_archive,
    "conversation_search": _search_conversation,
    "fetch_webpage": _fetch,
    "web_search": _search_web,
}
