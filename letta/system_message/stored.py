"""The system message as a row: put in front of a context, found there, and compiled anew in its place."""

from collections.abc import Sequence

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.conversations.conversation import Conversation
from letta.conversations.repository import create_conversation, set_system_digest
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.message import Message, text_content
from letta.organizations.actor import Actor
from letta.system_message.compile import compile_system, system_digest
from letta.system_message.facts import SystemFacts, facts_of
from letta.system_message.shown import Shown, shown_by


def begin_default(
    connection: Connection, actor: Actor, agent: Agent, shown: Shown, *, recall_count: int = 0
) -> Message:
    """Make the default conversation of a new agent.

    Returns its system message, which isn't stored yet: the caller stores it, with what follows, and makes it the
    context.

    Args:
        recall_count: how many messages the agent brings along that aren't in its context.
    """
    digest = system_digest(agent, shown)
    conversation_id = create_conversation(connection, actor, agent.id, is_default=True, system_digest=digest)
    return _message(agent, conversation_id, compile_system(agent, shown, SystemFacts(recall_count=recall_count)))


def begin(connection: Connection, actor: Actor, agent: Agent, conversation: Conversation) -> None:
    """Let the context of a new conversation begin with a system message. Its isolated blocks are stored already."""
    shown = shown_by(connection, agent, conversation.isolated_in)
    facts = facts_of(connection, agent.id, in_context=0, label=conversation.label)
    message = _message(agent, conversation.id, compile_system(agent, shown, facts))
    messages_repository.insert_messages(connection, actor, [message])
    messages_repository.append_to_context(connection, conversation.id, [message.id])
    set_system_digest(connection, conversation.id, system_digest(agent, shown))


def store(
    connection: Connection,
    actor: Actor,
    agent: Agent,
    conversation_id: str,
    context: Sequence[str],
    shown: Shown,
    facts: SystemFacts,
) -> tuple[str, list[str]]:
    """Compile the system message of a conversation, whose row is locked, and store it with its digest.

    Returns its text, and the ids of the messages in the context, which are now those that are given or one more.
    """
    system_id = id_in(connection, agent.id, context)
    if system_id is not None:
        content, ids = rewrite(connection, agent, system_id, shown, facts), list(context)
    else:
        message = insert_first(connection, actor, agent, conversation_id, context, shown, facts)
        content, ids = message.content, [message.id, *context]
    set_system_digest(connection, conversation_id, system_digest(agent, shown))
    return content[0]["text"], ids


def id_in(connection: Connection, agent_id: str, context: Sequence[str]) -> str | None:
    """The id of the system message that a context begins with, if it does."""
    first = context[0] if context else None
    if first is None:
        return None
    roles = messages_repository.roles_of(connection, agent_id, [first])
    return first if roles.get(first) == "system" else None


def rewrite(
    connection: Connection, agent: Agent, message_id: str, shown: Shown, facts: SystemFacts
) -> list[JsonObject]:
    """Compile a stored message anew and return its content. The digest is left to the caller.

    The row keeps its id and its place, so that nothing else in the context moves.
    """
    content = text_content(compile_system(agent, shown, facts))
    messages_repository.set_content(connection, message_id, content)
    return content


def insert_first(
    connection: Connection,
    actor: Actor,
    agent: Agent,
    conversation_id: str,
    context: Sequence[str],
    shown: Shown,
    facts: SystemFacts,
) -> Message:
    """Put a system message in front of a context that has none. The digest is left to the caller."""
    message = _message(agent, conversation_id, compile_system(agent, shown, facts))
    messages_repository.insert_messages(connection, actor, [message])
    messages_repository.replace_context(connection, conversation_id, [message.id, *context])
    return message


def _message(agent: Agent, conversation_id: str, text: str) -> Message:
    return Message(
        role="system",
        agent_id=agent.id,
        conversation_id=conversation_id,
        content=text_content(text),
        model=agent.llm_config["model"],
    )
