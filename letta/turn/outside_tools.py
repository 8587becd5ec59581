"""Carrying out the calls that don't belong into the committing transaction, such as searches."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from letta.agent_tools.registry import ASK, ASK_TAGGED, TELL
from letta.agent_tools.talking import Messenger, ask_agent, ask_tagged_agents, tell_agent
from letta.agents.secret_repository import secret_values
from letta.archives.memory import ArchivalMemory
from letta.database.engine import Database
from letta.file_tools.searching import grep_files, semantic_search_files
from letta.folders.reading import FileReader
from letta.json_types import JsonObject
from letta.memory_tools.archival import archival_search, archival_search_text, new_passage
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import checked_arguments, parse_arguments, read_arguments
from letta.memory_tools.search import conversation_search
from letta.settings import settings
from letta.telemetry import metrics, tracing
from letta.tools.registry import RUN_CODE
from letta.tools.running import CustomTools
from letta.tools.tool import CUSTOM, EXTERNAL_MCP, Tool
from letta.turn.approvals import settled_returns
from letta.turn.measuring import figure_name
from letta.turn.tools import ARCHIVAL_INSERT, ToolReturn, failed, limited
from letta.turn.turn import Decision, Turn
from letta.web_tools.fetch import fetch_webpage
from letta.web_tools.search import web_search


@dataclass(frozen=True, slots=True)
class Means:
    """What tools work with."""

    database: Database
    archival: ArchivalMemory
    custom_tools: CustomTools
    file_reader: FileReader
    messenger: Messenger


_SENT_AWAY = {CUSTOM, EXTERNAL_MCP}
_OUTSIDE = {"custom", "external_mcp", "letta_builtin", "letta_multi_agent_core"}


def takes_effect_outside(tool: Tool) -> bool:
    """Whether a call of the tool may change something that no transaction of ours can take back.

    Such calls are stored before they are carried out, and never carried out twice.
    """
    return tool.tool_type in _OUTSIDE


def any_outside(turn: Turn, calls: Iterable[JsonObject]) -> bool:
    """Whether one of these calls takes effect outside."""
    names = {call["name"] for call in calls}
    return any(tool.name in names and takes_effect_outside(tool) for tool in turn.tools)


def decision_reaches_outside(turn: Turn, decision: Decision) -> bool:
    """Whether a call that a decision sets going takes effect outside, so that it isn't decided about a second time."""
    settled = settled_returns(turn, decision)
    return any_outside(turn, (call for call in decision.calls if call["id"] not in settled))


def is_undone(turn: Turn) -> bool:
    """Whether nothing has come of the decision that a turn began with, so that it can be made again."""
    return turn.decision is not None and not decision_reaches_outside(turn, turn.decision)


async def run_outside(means: Means, turn: Turn, calls: Sequence[JsonObject]) -> dict[str, ToolReturn]:
    """Returns of those of these calls that run outside the transaction, by call id.

    Tools that allow it run side by side, before the others, which run in order. What others need for their
    transaction is prepared.
    """
    await _prepare_passages(means, turn, calls)
    tools = {tool.name: tool for tool in turn.tools if _runs_here(tool)}
    ours = [call for call in calls if call["name"] in tools]
    together = [call for call in ours if tools[call["name"]].enable_parallel_execution]
    returns = await _side_by_side([_run(means, turn, tools[call["name"]], call) for call in together])
    for call in ours:
        if call not in together:
            returns.append(await _run(means, turn, tools[call["name"]], call))
    return {returned.call["id"]: returned for returned in returns}


def _runs_here(tool: Tool) -> bool:
    return tool.tool_type in _SENT_AWAY or (tool.is_builtin and (tool.name in _RUNNERS or tool.name == RUN_CODE.name))


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
    """Carry out a call, timed and traced."""
    name, began = figure_name(tool), time.perf_counter()
    with tracing.span("execute_tool", lambda: {"gen_ai.tool.name": tool.name, "gen_ai.tool.call.id": call["id"]}):
        returned = await _carry_out(means, turn, tool, call)
    metrics.tool_seconds.observe(time.perf_counter() - began, name)
    return returned


async def _carry_out(means: Means, turn: Turn, tool: Tool, call: JsonObject) -> ToolReturn:
    try:
        if tool.tool_type in _SENT_AWAY:
            return await _run_custom(means, turn, tool, call)
        arguments = checked_arguments(call["name"], parse_arguments(call["arguments"]))
        if call["name"] == RUN_CODE.name:
            ran = await means.custom_tools.run_code(**arguments)
            return limited(ToolReturn(call, ran.status, ran.text, ran.stdout, ran.stderr), tool)
        text = await _RUNNERS[call["name"]](means, turn, arguments)
    except ToolError as error:
        return failed(call, str(error))
    return limited(ToolReturn(call, "success", text), tool)


async def _run_custom(means: Means, turn: Turn, tool: Tool, call: JsonObject) -> ToolReturn:
    arguments = read_arguments(call["arguments"])
    ran = await means.custom_tools.run(turn.actor, tool, arguments, agent_id=turn.agent.id)
    return limited(ToolReturn(call, ran.status, ran.text, ran.stdout, ran.stderr), tool)


async def _search_archive(means: Means, turn: Turn, arguments: JsonObject) -> str:
    search = archival_search(turn.agent.timezone, **arguments)
    found = [] if search is None else await means.archival.find_for_agent(turn.actor, turn.agent.id, search)
    return archival_search_text(found, turn.agent.timezone)


async def _search_conversation(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await means.database.read(conversation_search, turn.actor, turn.agent, turn.run_id, **arguments)


async def _grep_files(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await grep_files(means.database, means.file_reader, turn.agent.id, **arguments)


async def _search_files(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await semantic_search_files(means.database, means.archival, turn.actor, turn.agent.id, **arguments)


async def _fetch(_means: Means, _turn: Turn, arguments: JsonObject) -> str:
    return await fetch_webpage(**arguments)


async def _search_web(means: Means, turn: Turn, arguments: JsonObject) -> str:
    own = await means.database.read(secret_values, turn.agent.id)
    key = own.get("EXA_API_KEY") or (settings.exa_api_key and settings.exa_api_key.get_secret_value())
    return await web_search(**arguments, key=key or None)


async def _ask(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await ask_agent(means.messenger, turn.actor, turn.agent, turn.options, **arguments)


async def _ask_tagged(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await ask_tagged_agents(means.messenger, means.database, turn.actor, turn.agent, turn.options, **arguments)


async def _tell(means: Means, turn: Turn, arguments: JsonObject) -> str:
    return await tell_agent(means.messenger, turn.actor, turn.agent, turn.options, **arguments)


_RUNNERS: dict[str, Callable[[Means, Turn, JsonObject], Awaitable[str]]] = {
    "archival_memory_search": _search_archive,
    "conversation_search": _search_conversation,
    "fetch_webpage": _fetch,
    "grep_files": _grep_files,
    "semantic_search_files": _search_files,
    "web_search": _search_web,
    ASK: _ask,
    ASK_TAGGED: _ask_tagged,
    TELL: _tell,
}
