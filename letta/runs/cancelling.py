"""Cancelling runs that no process carries out."""

from collections.abc import Sequence

from sqlalchemy import Connection

from letta.messages import repository as messages_repository
from letta.organizations.actor import Actor
from letta.runs import queue_repository, run_repository, waiting_repository
from letta.turn.approvals import cancelled_rows, open_request
from letta.turn.repository import end_of_context


def cancel_inactive(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> set[str]:
    """Cancel those of these runs that wait, to begin or for a decision. Returns them, and those that are over."""
    queue_repository.cancel_queued(connection, actor, run_ids)
    return _cancel_waiting(connection, actor, run_ids) | run_repository.ended_among(connection, actor, run_ids)


def _cancel_waiting(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> set[str]:
    """Deny what these runs wait for, and end them as cancelled. Returns those that waited."""
    cancelled: set[str] = set()
    for conversation_id in waiting_repository.lock_waiting(connection, actor, run_ids):
        end = end_of_context(connection, conversation_id)
        request = open_request(end)
        run_id = request.run_id if request is not None else None
        if request is not None and run_id is not None and run_id in run_ids:
            rows = cancelled_rows(end, request)
            messages_repository.insert_messages(connection, actor, rows)
            messages_repository.append_to_context(connection, request.conversation_id, [row.id for row in rows])
            waiting_repository.mark_cancelled(connection, run_id, request.agent_id)
            cancelled.add(run_id)
    return cancelled
