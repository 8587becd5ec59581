"""Seeing, as a turn goes on, what has become of what its system message shows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.conversations.conversation import Conversation
from letta.conversations.repository import get_conversation
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.repository import get_message
from letta.organizations.actor import Actor
from letta.system_message.compile import system_digest
from letta.system_message.facts import SystemFacts, facts_of
from letta.system_message.shown import Shown, shown_by
from letta.system_message.stored import rewrite


@dataclass(frozen=True, slots=True)
class Seen:
    """What a transaction saw, and how it left the system message.

    Attributes:
        digest: what the conversation keeps as the digest of its system message.
        content: that of the stored message.
        rewritten: whether the transaction has compiled it anew, so that the digest is still to be stored.
    """

    shown: Shown
    digest: str | None
    content: list[JsonObject]
    rewritten: bool = False


def look_around(
    connection: Connection,
    agent: Agent,
    conversation: Conversation,
    context: Sequence[Message],
    *,
    with_folders: bool,
    recount: bool = False,
) -> Seen:
    """See what there is to show now, and let the system message, with which the context begins, show it.

    It is compiled anew if that has changed; because of its counts alone only where ``recount`` is set. Nothing that is
    given is changed, as the unit may be run again.
    """
    shown = shown_by(connection, agent, conversation.isolated_in, with_folders=with_folders)
    digest = system_digest(agent, shown)
    if digest == conversation.system_digest and not recount:
        return Seen(shown, digest, context[0].content)
    facts = facts_of(connection, agent.id, in_context=len(context), label=conversation.label)
    return show(connection, agent, context[0], shown, facts)


def show(connection: Connection, agent: Agent, system: Message, shown: Shown, facts: SystemFacts) -> Seen:
    """Let a stored system message show this."""
    content = rewrite(connection, agent, system.id, shown, facts)
    return Seen(shown, system_digest(agent, shown), content, rewritten=True)


def find_seen(
    connection: Connection,
    actor: Actor,
    agent: Agent,
    conversation: Conversation,
    system: Message,
    *,
    with_folders: bool,
) -> Seen:
    """What there is to see after a transaction whose result was lost."""
    return Seen(
        shown=shown_by(connection, agent, conversation.isolated_in, with_folders=with_folders),
        digest=get_conversation(connection, actor, conversation.id).system_digest,
        content=get_message(connection, actor, system.id).content,
    )
