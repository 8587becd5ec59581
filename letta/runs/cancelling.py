"""Cancelling runs that no process carries out."""

from collections.abc import Sequence

from sqlalchemy import Connection

from letta.organizations.actor import Actor
from letta.runs import queue_repository, run_repository
from letta.turn.approvals import cancel_waiting


def cancel_inactive(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> set[str]:
    """Cancel those of these runs that wait, to begin or for a decision. Returns them, and those that are over."""
    queue_repository.cancel_queued(connection, actor, run_ids)
    return cancel_waiting(connection, actor, run_ids) | run_repository.ended_among(connection, actor, run_ids)
