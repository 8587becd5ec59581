"""The transaction that a run begins with: claim the conversation, store the input, load what the first step needs."""

from dataclasses import replace

from pydantic import TypeAdapter
from sqlalchemy import Connection

from letta.messages import repository as messages_repository
from letta.messages.schemas import InputMessage
from letta.organizations.actor import Actor
from letta.runs import queue_repository, repository
from letta.runs.queue_repository import QueuedRun
from letta.runs.repository import RunRow
from letta.turn.approvals import claim_calls
from letta.turn.begin import Claim, load_turn, take_input, take_input_again
from letta.turn.place_repository import TurnPlace, lock_place
from letta.turn.request import RunRequest
from letta.turn.sleeptime import what_was_said
from letta.turn.step_repository import insert_run
from letta.turn.turn import Turn

_INPUT: TypeAdapter[list[InputMessage]] = TypeAdapter(list[InputMessage])
_FINISHED = {"completed", "running", "created"}


def begin_turn(connection: Connection, actor: Actor, request: RunRequest, claim: Claim) -> Turn | RunRow:
    """Begin a run for a request, or find the run that the same request has begun before.

    Raises:
        NotFoundError: no such agent or conversation.
        BusyError: another run holds the conversation.
        RunLostError: another run holds the conversation, but its process is gone.
        PendingApprovalError, ApprovalError: the messages don't fit the state of the conversation.
    """
    locked = lock_place(connection, actor, request)
    same = repository.find_same_run(connection, locked.conversation.id, request)
    if same is not None and same.status in _FINISHED:
        return same
    locked.raise_if_busy()
    again = messages_repository.inputs_of_run(connection, same.id) if same is not None else []
    turn = load_turn(connection, actor, request, locked, claim)
    if again:
        new = take_input_again(turn, again)  # what they approve of was claimed then
    else:
        new = take_input(turn, request.messages)
        claim_calls(connection, turn)
    placed = [message for message in [*again, *new] if message.position is not None]
    insert_run(connection, turn, request, new, again, placed)
    return turn


def begin_queued(connection: Connection, claim: Claim, run_id: str) -> Turn | None:
    """Begin a run that waits. None if it needn't begin any more, or another process is about to begin it.

    Raises:
        BusyError: another run holds the conversation.
        RunLostError: another run holds the conversation, but its process is gone.
        NotFoundError: the conversation isn't there any more.
        PendingApprovalError, ApprovalError: the messages don't fit the state of the conversation.
    """
    queued = queue_repository.lock_queued(connection, run_id)
    if queued is None:
        return None
    place = RunRequest(None, queued.conversation_id, [], queued.options)
    locked = lock_place(connection, queued.actor, place)
    locked.raise_if_busy()
    request = _request_of(connection, queued, locked)
    if not request.messages:
        queue_repository.end_queued(connection, run_id)
        return None
    turn = load_turn(connection, queued.actor, request, locked, claim)
    turn.run_id = run_id
    new = take_input(turn, request.messages)
    claim_calls(connection, turn)
    placed = [message for message in new if message.position is not None]
    insert_run(connection, turn, request, new, [], placed)
    return turn


def _request_of(connection: Connection, queued: QueuedRun, locked: TurnPlace) -> RunRequest:
    messages, options = _INPUT.validate_python(queued.queued.get("messages", [])), queued.options
    if "group_id" in queued.queued:
        window = locked.agent.llm_config["context_window"]
        told = what_was_said(connection, queued.queued["group_id"], queued.agent_id, window)
        messages, options = told.messages, replace(options, sleeptime=told.progress)
    return RunRequest(None, queued.conversation_id, messages, options)
