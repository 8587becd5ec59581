"""The transaction that a turn begins with: claim the conversation, store the input, load what the first step needs."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from letta.database.ids import new_id
from letta.errors import InvalidArgumentError
from letta.messages import repository as messages_repository
from letta.messages.message import Message, text_content
from letta.messages.schemas import InputMessage, MessageCreate
from letta.organizations.actor import Actor
from letta.runs import repository
from letta.runs.repository import LockedConversation, RunRow
from letta.runs.request import RunRequest
from letta.tools.repository import tools_of_agent
from letta.turn.refresh import refresh_system
from letta.turn.tool_rules import ToolRules
from letta.turn.tools import load_blocks
from letta.turn.turn import Turn

JsonObject = dict[str, Any]

_FINISHED = {"completed", "running", "created"}


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to carry the run out, and for how long at first."""

    owner: str
    lease_seconds: float


def begin_turn(connection: Connection, actor: Actor, request: RunRequest, claim: Claim) -> Turn | RunRow:
    """Begin a run for a request, or find the run that the same request has begun before.

    Raises:
        NotFoundError: no such agent or conversation.
        BusyError: another run holds the conversation.
        InvalidArgumentError: the messages don't fit the state of the conversation.
    """
    locked = repository.lock_conversation(connection, actor, request)
    same = repository.find_same_run(connection, locked.conversation.id, request)
    if same is not None and same.status in _FINISHED:
        return same
    repository.raise_if_busy(locked)
    if locked.active_run_id is not None:
        detail = "The process that carried out the run has vanished."
        repository.abandon_run(connection, locked.conversation.id, locked.active_run_id, detail)
    again = repository.input_messages_of(connection, same.id) if same is not None else []
    turn = load_turn(connection, actor, request, locked, claim)
    new = [] if again else [input_message(turn, message) for message in request.messages]
    turn.append([*again, *new])
    repository.insert_run(connection, turn, request, new, again)
    return turn


def load_turn(
    connection: Connection, actor: Actor, request: RunRequest, locked: LockedConversation, claim: Claim
) -> Turn:
    """The turn of a request, with all that its first step needs; its input isn't in the context yet."""
    agent = locked.agent
    turn = Turn(
        run_id=new_id("run"),
        actor=actor,
        agent=agent,
        conversation=locked.conversation,
        lease=repository.new_lease(locked, claim.owner, claim.lease_seconds),
        options=request.options,
        blocks=[],
        tools=tools_of_agent(connection, agent.id),
        context=messages_repository.context_of(connection, locked.conversation.id),
        next_position=0,
        rules=ToolRules(agent.tool_rules),
        request_id=request.request_id,
        started_ns=time.monotonic_ns(),
    )
    turn.blocks = load_blocks(connection, turn)
    turn.next_position = _next_position(turn.context)
    if agent.message_buffer_autoclear:
        _clear(connection, turn)
    refresh_system(connection, turn)
    return turn


def _next_position(context: Sequence[Message]) -> int:
    last = context[-1].position if context else None
    return 0 if last is None else last + 1


def _clear(connection: Connection, turn: Turn) -> None:
    """Agents with ``message_buffer_autoclear`` see nothing of earlier turns."""
    kept = [message for message in turn.context[:1] if message.role == "system"]
    if len(kept) < len(turn.context):
        messages_repository.replace_context(connection, turn.conversation.id, [message.id for message in kept])
    for position, message in enumerate(kept):
        message.position = position
    turn.context, turn.next_position = kept, len(kept)


def input_message(turn: Turn, message: InputMessage) -> Message:
    """The row of a message that a client sent.

    Raises:
        InvalidArgumentError: it answers a request for approval that isn't there.
    """
    if not isinstance(message, MessageCreate):
        raise InvalidArgumentError(
            "No tool call is currently awaiting approval, so messages of type "
            f"'{message.type}' can't be accepted. Send a message of the user instead."
        )
    return Message(
        role=message.role,
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        content=_content(message),
        name=message.name,
        otid=message.otid or str(uuid.uuid4()),
        sender_id=message.sender_id,
        group_id=message.group_id,
    )


def _content(message: MessageCreate) -> list[JsonObject]:
    if isinstance(message.content, str):
        return text_content(message.content)
    return [part.model_dump() for part in message.content]
