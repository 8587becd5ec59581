"""Queries on runs that ended with a request for approval, and wait for a decision."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select, true, update

from letta.agents.tables import agents
from letta.conversations.tables import context_messages, conversations
from letta.messages.tables import messages
from letta.organizations.actor import Actor
from letta.runs.tables import runs


def waiting_runs(connection: Connection, actor: Actor, agent_id: str, conversation_id: str | None = None) -> list[str]:
    """Ids of the runs of an agent, or of one of its conversations, that wait for a decision.

    A fork may wait for a decision about a call of the conversation that it was made from: then no run of its own does.
    """
    last = (
        select(context_messages.c.message_id)
        .where(context_messages.c.conversation_id == conversations.c.id)
        .order_by(context_messages.c.position.desc())
        .limit(1)
        .lateral()
    )
    query = (
        select(messages.c.run_id)
        .select_from(conversations.join(last, true()).join(messages, messages.c.id == last.c.message_id))
        .where(
            conversations.c.organization_id == actor.organization_id,
            conversations.c.agent_id == agent_id,
            messages.c.conversation_id == conversations.c.id,
            messages.c.role == "approval",
            messages.c.approvals.is_(None),
            messages.c.run_id.is_not(None),
        )
    )
    if conversation_id is not None:
        query = query.where(conversations.c.id == conversation_id)
    return [run_id for run_id in connection.scalars(query) if run_id is not None]


def lock_waiting(connection: Connection, actor: Actor, run_ids: Sequence[str]) -> list[str]:
    """Lock the conversations of those of these runs that ended with a request for approval; return their ids.

    Raises:
        sqlalchemy.exc.OperationalError: another transaction holds one (the unit is then repeated).
    """
    query = (
        select(conversations.c.id)
        .join(runs, runs.c.conversation_id == conversations.c.id)
        .where(
            runs.c.id.in_(run_ids),
            runs.c.organization_id == actor.organization_id,
            runs.c.stop_reason == "requires_approval",
            conversations.c.active_run_id.is_(None),
        )
        .order_by(conversations.c.id)
        .with_for_update(of=conversations, nowait=True)
    )
    return list(dict.fromkeys(connection.scalars(query)))


def mark_cancelled(connection: Connection, run_id: str, agent_id: str) -> None:
    """Turn a run that waited for approval into a cancelled one."""
    changed = {"status": "cancelled", "stop_reason": "cancelled", "updated_at": func.now()}
    connection.execute(update(runs).where(runs.c.id == run_id).values(**changed))
    connection.execute(update(agents).where(agents.c.id == agent_id).values(last_stop_reason="cancelled"))
