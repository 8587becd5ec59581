"""The context of an agent's default conversation: its system message, and what follows it."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection

from letta.agents import repository
from letta.agents.agent import Agent
from letta.agents.initial_messages import default_messages, system_message
from letta.agents.relations import ALL
from letta.agents.repository import AgentRow
from letta.agents.schemas import AgentState
from letta.agents.state import state
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.conversations import repository as conversations_repository
from letta.conversations.repository import LockedConversation
from letta.errors import InvalidArgumentError
from letta.folders.attached import directories_section
from letta.messages import repository as messages_repository
from letta.messages.message import text_content
from letta.organizations.actor import Actor
from letta.turn.facts import facts_of
from letta.turn.system import SystemFacts, compile_system, system_digest

_Seen = tuple[list[Block], str | None]
"""What an agent's system message shows beside its prompt: its blocks, and the section of its folders."""


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
    seen = _seen(connection, row.agent)
    if counts_changed or system_digest(row.agent, *seen) != conversation.system_digest:
        _write_system_message(connection, actor, row, conversation, seen)


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
    seen = _seen(connection, row.agent)
    if dry_run:
        return compile_system(row.agent, seen[0], _facts(connection, row), seen[1])
    conversation = conversations_repository.lock_default(connection, agent_id)
    if not update_timestamp and system_digest(row.agent, *seen) == conversation.system_digest:
        system_id = _system_message_id(connection, row)
        if system_id is not None:
            return messages_repository.get_message(connection, actor, system_id).text
    return _write_system_message(connection, actor, row, conversation, seen)


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
    system_id = _system_message_id(connection, row)
    row.message_ids = [system_id] if system_id else []
    messages_repository.replace_context(connection, conversation.id, row.message_ids)
    _write_system_message(connection, actor, row, conversation, _seen(connection, row.agent))
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
        raise InvalidArgumentError(f"message_ids: {twice[0]} comes twice. A message can be in a context once.")
    if not message_ids or roles[message_ids[0]] != "system":
        raise InvalidArgumentError("message_ids: the first must be the agent's system message. Put its id in front.")


def _write_system_message(
    connection: Connection, actor: Actor, row: AgentRow, conversation: LockedConversation, seen: _Seen
) -> str:
    text = compile_system(row.agent, seen[0], _facts(connection, row), seen[1])
    system_id = _system_message_id(connection, row)
    if system_id is not None:
        messages_repository.set_content(connection, system_id, text_content(text))
    else:
        message = system_message(row.agent, conversation.id, text)
        messages_repository.insert_messages(connection, actor, [message])
        row.message_ids = [message.id, *row.message_ids]
        messages_repository.replace_context(connection, conversation.id, row.message_ids)
    conversations_repository.set_system_digest(connection, conversation.id, system_digest(row.agent, *seen))
    return text


def _seen(connection: Connection, agent: Agent) -> _Seen:
    return blocks_repository.blocks_of_agent(connection, agent.id), directories_section(connection, agent)


def _system_message_id(connection: Connection, row: AgentRow) -> str | None:
    first = row.message_ids[0] if row.message_ids else None
    roles = messages_repository.roles_of(connection, row.agent.id, [first]) if first else {}
    return first if first is not None and roles.get(first) == "system" else None


def _facts(connection: Connection, row: AgentRow) -> SystemFacts:
    return facts_of(connection, row.agent.id, in_context=len(row.message_ids))
