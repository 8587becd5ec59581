"""Carrying out the calls of a step."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from letta.archives.memory import keep_for_agent
from letta.archives.passage_repository import NewPassage, has_passages
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Author
from letta.file_tools.opening import open_files
from letta.groups.repository import share_with_sleeptime_agents
from letta.json_types import JsonObject
from letta.memory_tools.archival import KEPT, new_passage
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import checked_arguments, edit_memory, edits_memory, parse_arguments, send_message
from letta.memory_tools.memory import Memory
from letta.messages.message import Message
from letta.system_message.shown import blocks_of
from letta.tools.tool import Tool
from letta.turn.turn import Turn

CLIENT_TOOL = "client"
"""Type of the tools that a request brings along: their calls are carried out by the client."""

ARCHIVAL_INSERT = "archival_memory_insert"
OPEN_FILES = "open_files"

_ERROR_LIMIT = 1000
_UNLIMITED = {"conversation_search", "archival_memory_search"}


@dataclass(slots=True)
class ToolReturn:
    """What a call came to. ``by_server`` tells whether it is a tool of the server that says so."""

    call: JsonObject
    status: str
    text: str
    stdout: list[str] | None = None
    stderr: list[str] | None = None
    by_server: bool = True

    def stored(self) -> JsonObject:
        """The form in which a tool row keeps it."""
        return {
            "tool_call_id": self.call["id"],
            "name": self.call["name"],
            "status": self.status,
            "tool_return": self.text,
            "stdout": self.stdout,
            "stderr": self.stderr,
        }


def with_client_tools(tools: Sequence[Tool], client_tools: Sequence[JsonObject]) -> list[Tool]:
    """The tools of a turn: those of the request take the place of the agent's of the same name."""
    if not client_tools:
        return list(tools)
    brought = {tool["name"]: _client_tool(tool) for tool in client_tools}
    return [*(tool for tool in tools if tool.name not in brought), *brought.values()]


def _client_tool(tool: JsonObject) -> Tool:
    schema = tool if tool.get("parameters") else tool | {"parameters": {"type": "object", "properties": {}}}
    return Tool(id="", name=tool["name"], tool_type=CLIENT_TOOL, json_schema=schema)


def tool_message(turn: Turn, returns: Sequence[ToolReturn], step_id: str | None, model: str | None) -> Message:
    """The row that keeps the returns of a step's calls."""
    return Message(
        role="tool",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        step_id=step_id,
        model=model,
        name=returns[0].call["name"] if returns[0].by_server else None,
        tool_returns=[returned.stored() for returned in returns],
    )


@dataclass(frozen=True, slots=True)
class Effect:
    """What calls have changed.

    Attributes:
        shown: whether something that the system message shows.
        first_passages: whether something was put into an archive that was empty, so that counts matter.
    """

    shown: bool
    first_passages: bool


class MemoryTransaction:
    """The agent's blocks, locked when the first call needs them and written back once at the end; and its archive."""

    def __init__(self, connection: Connection, turn: Turn) -> None:
        self._connection = connection
        self._turn = turn
        self._memory: Memory | None = None
        self._passages: list[NewPassage] = []
        self._files_opened = False

    @property
    def memory(self) -> Memory:
        """The blocks, locked in id order so that two agents can't wait for each other."""
        if self._memory is None:
            turn = self._turn
            self._memory = Memory(blocks_of(self._connection, turn.agent.id, turn.conversation.isolated_in, lock=True))
        return self._memory

    def open_files(self, arguments: JsonObject) -> str:
        """Open files; nothing is changed where one of them can't be opened."""
        told = open_files(self._connection, self._turn.agent, **checked_arguments(OPEN_FILES, arguments))
        self._files_opened = True
        return told

    def keep(self, call: JsonObject, arguments: JsonObject) -> None:
        """Keep the passage that a call describes; with its vector, where that was prepared."""
        described = new_passage(**checked_arguments(call["name"], arguments))
        self._passages.append(self._turn.passages.get(call["id"], described))

    def store(self) -> Effect:
        """Write all changes."""
        first = self._store_passages()
        return Effect(shown=self._store_blocks() or first or self._files_opened, first_passages=first)

    def _store_passages(self) -> bool:
        """Returns whether they are the first: the agent then has something to search that it doesn't know of."""
        if not self._passages:
            return False
        connection, turn = self._connection, self._turn
        first = not has_passages(connection, turn.agent.id)
        keep_for_agent(connection, turn.actor, turn.agent.id, self._passages)
        return first

    def _store_blocks(self) -> bool:
        if self._memory is None:
            return False
        connection, turn, memory = self._connection, self._turn, self._memory
        author = Author("agent", turn.agent.id, turn.run_id)
        for block in memory.changed.values():
            blocks_repository.write_block(connection, turn.actor, block, author)
        for block in memory.created.values():
            blocks_repository.create_block(connection, turn.actor, block, author)
            blocks_repository.attach_block(connection, turn.agent.id, block.id)
        share_with_sleeptime_agents(connection, turn.agent.id, [block.id for block in memory.created.values()])
        for block in memory.detached.values():
            blocks_repository.detach_block(connection, turn.agent.id, block.id)
        return bool(memory.changed or memory.created or memory.detached)


def run_in_transaction(transaction: MemoryTransaction, tool: Tool, call: JsonObject) -> ToolReturn:
    """Carry out a call whose effect is in the database alone."""
    try:
        arguments = parse_arguments(call["arguments"])
        if tool.is_builtin and edits_memory(tool.name):
            text = edit_memory(transaction.memory, tool.name, arguments)
        elif tool.is_builtin and tool.name == "send_message":
            text = send_message(arguments)
        elif tool.is_builtin and tool.name == ARCHIVAL_INSERT:
            transaction.keep(call, arguments)
            text = KEPT
        elif tool.is_builtin and tool.name == OPEN_FILES:
            text = transaction.open_files(arguments)
        else:
            raise ToolError(f"{tool.name} can't be run by this version of the server.")
    except ToolError as error:
        return failed(call, str(error))
    return limited(ToolReturn(call, "success", text), tool)


def refused(call: JsonObject, reason: str) -> ToolReturn:
    """The return of a call that is not carried out."""
    return ToolReturn(call, "error", reason[:_ERROR_LIMIT])


def failed(call: JsonObject, message: str) -> ToolReturn:
    """The return of a call that broke down."""
    text = message[:_ERROR_LIMIT]
    return ToolReturn(call, "error", text, stderr=[f"Error executing function {call['name']}: {text}"])


def limited(returned: ToolReturn, tool: Tool) -> ToolReturn:
    """The return, cut to what the tool may return. Searches limit themselves, by the number of results."""
    if tool.name in _UNLIMITED:
        return returned
    return replace(returned, text=shortened(returned.text, tool.return_char_limit))


def shortened(text: str, limit: int) -> str:
    """The text, with a note in place of what is beyond the limit."""
    if len(text) <= limit:
        return text
    return text[:limit] + f"… [cut: the result has {len(text)} characters, the limit is {limit}]"


def normalised(call: JsonObject) -> JsonObject:
    """The call as it is stored: arguments re-serialised where they are JSON, else as the model wrote them."""
    try:
        arguments = json.dumps(parse_arguments(call["arguments"]), ensure_ascii=False)
    except ToolError:
        arguments = call["arguments"]
    return call | {"arguments": arguments}
