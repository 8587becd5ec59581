"""Bringing messages from one agent to another: as turns of the other one."""

from collections.abc import Awaitable, Callable

from letta.agents.agent import Agent
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.errors import no_such
from letta.messages.schemas import MessageCreate
from letta.messages.wire import PLAIN, for_answer, to_wire
from letta.organizations.actor import Actor
from letta.runs import queue_repository
from letta.runs.queue import RunQueue
from letta.runs.queue_repository import NewRun
from letta.runs.view import RunView
from letta.turn.request import RunOptions, RunRequest

_SILENT = "(It said nothing.)"


class AgentMessenger:
    """Begins turns of agents for other agents."""

    def __init__(
        self, database: Database, start: Callable[[Actor, RunRequest], Awaitable[RunView]], queue: RunQueue
    ) -> None:
        self._database = database
        self._start = start
        self._queue = queue

    async def ask(self, actor: Actor, agent_id: str, text: str, sender: Agent, options: RunOptions) -> str:
        """What an agent says in the turn that begins with this message.

        Raises:
            LettaError: there is no such agent, it is busy, or its turn fails.
        """
        request = RunRequest(agent_id, None, [_message(text, sender)], options)
        return await _said(await self._start(actor, request))

    async def leave(self, actor: Actor, agent_id: str, text: str, sender: Agent, options: RunOptions) -> None:
        """Let a turn wait that begins with this message.

        Raises:
            NotFoundError: there is no such agent.
        """
        queued = {"messages": [_message(text, sender).model_dump(mode="json")]}
        left = NewRun(new_id("run"), agent_id, options, queued)
        if await self._database.run(queue_repository.insert_queued, actor, [left]):
            raise no_such("agent", agent_id)
        self._queue.nudge()


def _message(text: str, sender: Agent) -> MessageCreate:
    return MessageCreate(role="user", content=text, sender_id=sender.id)


async def _said(view: RunView) -> str:
    finished = await view.finish()
    wires = to_wire(finished.messages, for_answer(PLAIN, view.agent_type))
    said = [_text(wire["content"]) for wire in wires if wire["message_type"] == "assistant_message"]
    return "\n".join(said) or _SILENT


def _text(content: object) -> str:
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content)
    return str(content)
