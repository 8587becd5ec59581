"""What a turn begins with: all that its first step needs, and the input."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from letta.database.ids import new_id
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.message import Message, text_content
from letta.messages.schemas import InputMessage, MessageCreate
from letta.organizations.actor import Actor
from letta.system_message.compile import system_digest
from letta.system_message.current import Seen, look_around
from letta.system_message.facts import facts_of
from letta.system_message.shown import Shown, shown_by
from letta.system_message.stored import insert_first
from letta.tools.repository import tools_of_agent
from letta.turn.approvals import decide, expired_row, keep_alive, open_request, response_row
from letta.turn.place_repository import TurnPlace, new_lease
from letta.turn.request import RunRequest
from letta.turn.tool_rules import ToolRules
from letta.turn.tools import with_client_tools
from letta.turn.turn import Turn


@dataclass(frozen=True, slots=True)
class Claim:
    """Who wants to carry the run out, and for how long at first."""

    owner: str
    lease_seconds: float


def load_turn(
    connection: Connection,
    actor: Actor,
    request: RunRequest,
    locked: TurnPlace,
    claim: Claim,
    *,
    run_id: str | None = None,
) -> Turn:
    """The turn of a request, with all that its next step needs.

    It is a new one, whose input isn't in the context yet, unless a run is named that has begun before.
    """
    agent = locked.agent
    turn = Turn(
        run_id=run_id or new_id("run"),
        actor=actor,
        agent=agent,
        conversation=locked.conversation,
        lease=new_lease(locked, claim.owner, claim.lease_seconds),
        options=request.options,
        shown=Shown([]),
        tools=with_client_tools(tools_of_agent(connection, agent.id), request.options.client_tools),
        context=messages_repository.context_of(connection, locked.conversation.id),
        next_position=0,
        rules=ToolRules(agent.tool_rules),
        request_id=request.request_id,
        started_ns=time.monotonic_ns(),
        has_folders=locked.has_folders,
    )
    turn.next_position = _next_position(turn.context)
    if agent.message_buffer_autoclear and run_id is None:
        _clear(connection, turn)
    _open(connection, turn)
    return turn


def _next_position(context: Sequence[Message]) -> int:
    last = context[-1].position if context else None
    return 0 if last is None else last + 1


def _clear(connection: Connection, turn: Turn) -> None:
    """Agents with ``message_buffer_autoclear`` see nothing of earlier turns, unless one waits for a decision."""
    if open_request(turn.context) is not None:
        return
    kept = [message for message in turn.context[:1] if message.role == "system"]
    if len(kept) < len(turn.context):
        messages_repository.replace_context(connection, turn.conversation.id, [message.id for message in kept])
    for position, message in enumerate(kept):
        message.position = position
    turn.context, turn.next_position = kept, len(kept)


def _open(connection: Connection, turn: Turn) -> None:
    """Let the context begin with a system message that is up to date."""
    if turn.context and turn.context[0].role == "system":
        turn.see(look_around(connection, turn.agent, turn.conversation, turn.context, with_folders=turn.has_folders))
        return
    ids, conversation = [message.id for message in turn.context], turn.conversation
    shown = shown_by(connection, turn.agent, conversation.isolated_in, with_folders=turn.has_folders)
    facts = facts_of(connection, turn.agent.id, in_context=len(ids), label=conversation.label)
    message = insert_first(connection, turn.actor, turn.agent, conversation.id, ids, shown, facts)
    turn.context.insert(0, message)
    for position, placed in enumerate(turn.context):
        placed.position = position
    turn.next_position = len(turn.context)
    turn.see(Seen(shown, system_digest(turn.agent, shown), message.content))


def take_input(turn: Turn, given: Sequence[InputMessage]) -> list[Message]:
    """Put a request's messages into the context. Returns the rows that they are to be stored in.

    A decision about calls that wait is carried out first, and has its returns before what came along with it.

    Raises:
        PendingApprovalError: the agent waits for a decision, and there is none among the messages.
        ApprovalError: there is one, but not about what the agent waits for.
    """
    if not given:  # a run that compacts brings none, and may do so while the agent waits
        return []
    answers = [message for message in given if not isinstance(message, MessageCreate)]
    rows = [_input_message(turn, message) for message in given if isinstance(message, MessageCreate)]
    response = response_row(turn, answers) if answers else None
    if answers and response is None and not rows:
        rows = [keep_alive(turn)]
    return _take(turn, response, rows)


def take_input_again(turn: Turn, stored: Sequence[Message]) -> list[Message]:
    """Put the stored input of a run that failed back into the context, as far as it left it.

    Returns rows that are to be stored beside it.
    """
    there = {message.id for message in turn.context}
    missing = [message for message in stored if message.id not in there]
    for message in missing:
        message.run_id = turn.run_id  # so that they leave the context again if this run fails as well
    response = next((message for message in missing if message.approvals is not None), None)
    entered = _take(turn, response, [message for message in missing if message is not response])
    return [message for message in entered if message not in missing]


def _take(turn: Turn, response: Message | None, rows: list[Message]) -> list[Message]:
    request = open_request(turn.context)
    if request is not None and response is None:
        response = expired_row(turn, request)
    if request is not None and response is not None:
        decide(turn, request, response)
        turn.append(rows)
        return [response, *rows]
    turn.append(rows)
    return rows


def _input_message(turn: Turn, message: MessageCreate) -> Message:
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
