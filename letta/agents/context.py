"""The context of an agent's default conversation: its system message, and what follows it."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from letta.agents import repository
from letta.agents.agent import Agent
from letta.agents.initial_messages import default_messages
from letta.agents.relations import ALL
from letta.agents.repository import AgentRow
from letta.agents.schemas import AgentState
from letta.agents.state import state
from letta.conversations import repository as conversations_repository
from letta.conversations.repository import LockedConversation
from letta.errors import InvalidArgumentError
from letta.messages import repository as messages_repository
from letta.organizations.actor import Actor
from letta.system_message import stored
from letta.system_message.compile import compile_system, system_digest
from letta.system_message.facts import facts_of
from letta.system_message.shown import Shown, shown_by


def refresh_system_message(
    connection: Connection, actor: Actor, row: AgentRow, *, counts_changed: bool = False
) -> None:
    """Bring the stored system message up to date after a change of the agent or its blocks.

    Counts alone are no reason to compile it anew, unless ``counts_changed`` says that they are.

    Where a turn is just writing to the conversation, it is left to that turn, which looks for changes itself: nobody
    waits for anybody. Take this lock after those of blocks and agent.
    """
    conversation = conversations_repository.lock_default_if_free(connection, row.agent.id)
    if conversation is None:
        return
    shown = shown_by(connection, row.agent)
    if counts_changed or system_digest(row.agent, shown) != conversation.system_digest:
        _store(connection, actor, row, conversation, shown)


def refresh_counts(connection: Connection, actor: Actor, agent_id: str) -> None:
    """Bring the counts in an agent's system message up to date, as after something was put into archival memory."""
    refresh_system_message(connection, actor, repository.get_agent(connection, actor, agent_id), counts_changed=True)


def recompile(connection: Connection, actor: Actor, agent_id: str, *, dry_run: bool, update_timestamp: bool) -> str:
    """Compile the system message anew and return its text. It is stored unless ``dry_run`` is set.

    While nothing has changed but counts and the time, the stored text stays in force, unless ``update_timestamp`` is
    set: providers can go on using what they have cached.

    Raises:
        NotFoundError: no such agent.
    """
    row = repository.get_agent(connection, actor, agent_id)
    shown = shown_by(connection, row.agent)
    if dry_run:
        return compile_system(row.agent, shown, facts_of(connection, agent_id, in_context=len(row.message_ids)))
    conversation = conversations_repository.lock_default(connection, agent_id)
    if not update_timestamp and system_digest(row.agent, shown) == conversation.system_digest:
        system_id = stored.id_in(connection, agent_id, row.message_ids)
        if system_id is not None:
            return messages_repository.get_message(connection, actor, system_id).text
    return _store(connection, actor, row, conversation, shown)


def reset_messages(
    connection: Connection, actor: Actor, agent_id: str, *, add_default_initial_messages: bool
) -> AgentState:
    """Empty the agent's context but for a fresh system message. What was said stays stored and can be searched.

    Raises:
        NotFoundError: no such agent.
        BusyError: a run is active.
    """
    row = repository.lock_agent(connection, actor, agent_id)
    conversation = conversations_repository.lock_default(connection, agent_id)
    conversation.raise_if_busy()
    system_id = stored.id_in(connection, agent_id, row.message_ids)
    row.message_ids = [system_id] if system_id else []
    messages_repository.replace_context(connection, conversation.id, row.message_ids)
    _store(connection, actor, row, conversation, shown_by(connection, row.agent))
    if add_default_initial_messages:
        following = default_messages(row.agent, conversation.id)
        messages_repository.insert_messages(connection, actor, following)
        ids = [message.id for message in following]
        messages_repository.append_to_context(connection, conversation.id, ids)
        row.message_ids += ids
    row.agent = repository.touch_agent(connection, actor, row.agent)
    return state(connection, row, ALL)


def set_context(connection: Connection, row: AgentRow, message_ids: Sequence[str]) -> None:
    """Make these messages of the agent its whole context. The caller has locked the agent.

    Raises:
        InvalidArgumentError: one isn't a message of the agent or comes twice, or the first is no system message.
        BusyError: a run is active.
    """
    conversation = conversations_repository.lock_default(connection, row.agent.id)
    conversation.raise_if_busy()
    _check_context(messages_repository.roles_of(connection, row.agent.id, message_ids), row.agent, message_ids)
    messages_repository.replace_context(connection, conversation.id, message_ids)
    row.message_ids = list(message_ids)


def _check_context(roles: dict[str, str], agent: Agent, message_ids: Sequence[str]) -> None:
    unknown = [message_id for message_id in message_ids if message_id not in roles]
    if unknown:
        raise InvalidArgumentError(
            f"message_ids: agent {agent.id} has no message {unknown[0]}. List its messages to see their ids."
        )
    twice = [message_id for message_id, count in Counter(message_ids).items() if count > 1]
    if twice:
        raise InvalidArgumentError(f"message_ids: {twice[0]} is listed twice. A message can be in a context only once.")
    if not message_ids or roles[message_ids[0]] != "system":
        raise InvalidArgumentError(
            "message_ids: the first id must be that of the agent's system message. Put it first."
        )


def _store(connection: Connection, actor: Actor, row: AgentRow, conversation: LockedConversation, shown: Shown) -> str:
    facts = facts_of(connection, row.agent.id, in_context=len(row.message_ids))
    text, row.message_ids = stored.store(connection, actor, row.agent, conversation.id, row.message_ids, shown, facts)
    return text
