"""Keeping the stored system message true to what it is compiled from."""

from sqlalchemy import Connection

from letta.messages import repository as messages_repository
from letta.messages.message import Message, text_content
from letta.turn.facts import facts_of
from letta.turn.system import compile_system, system_digest
from letta.turn.turn import Turn


def refresh_system(connection: Connection, turn: Turn) -> bool:
    """Compile the turn's system message anew if something in it has changed. Returns whether it has.

    The row keeps its id and its place, so that nothing else in the context moves.
    """
    digest = system_digest(turn.agent, turn.blocks, turn.directories)
    stored = turn.context[0] if turn.context and turn.context[0].role == "system" else None
    if stored is not None and digest == turn.conversation.system_digest:
        return False
    facts = facts_of(connection, turn.agent.id, in_context=len(turn.context), label=turn.conversation.label)
    text = compile_system(turn.agent, turn.blocks, facts, turn.directories)
    turn.conversation.system_digest = digest
    if stored is not None:
        stored.content = text_content(text)
        messages_repository.set_content(connection, stored.id, stored.content)
        return True
    _insert_system(connection, turn, text)
    return True


def _insert_system(connection: Connection, turn: Turn, text: str) -> None:
    message = Message(
        role="system",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        content=text_content(text),
    )
    messages_repository.insert_messages(connection, turn.actor, [message])
    ids = [message.id, *(other.id for other in turn.context)]
    messages_repository.replace_context(connection, turn.conversation.id, ids)
    for position, other in enumerate(turn.context, 1):
        other.position = position
    message.position = 0
    turn.context.insert(0, message)
    turn.next_position = len(turn.context)
