"""Queries of turns about decisions that they wait for."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, or_, select, update

from letta.conversations.tables import context_messages, shared_messages
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.repository import COLUMNS, to_message
from letta.messages.tables import messages


def end_of_context(connection: Connection, conversation_id: str) -> list[Message]:
    """The last two messages that the model sees of a conversation, in order."""
    query = (
        select(*COLUMNS, context_messages.c.position)
        .join(context_messages, context_messages.c.message_id == messages.c.id)
        .where(context_messages.c.conversation_id == conversation_id)
        .order_by(context_messages.c.position.desc())
        .limit(2)
    )
    return [to_message(row) for row in connection.execute(query)][::-1]


def lock_decisions(connection: Connection, request: Message, conversation_id: str) -> list[list[JsonObject]]:
    """What other conversations have decided about a request for approval that they share.

    None of them can decide until the transaction ends.

    Raises:
        sqlalchemy.exc.OperationalError: one is about to (the unit is then repeated).
    """
    locked = select(messages.c.id).where(messages.c.id == request.id).with_for_update(nowait=True, key_share=True)
    connection.execute(locked)
    sharing = select(shared_messages.c.conversation_id).where(shared_messages.c.message_id == request.id)
    query = select(messages.c.approvals).where(
        or_(messages.c.conversation_id == request.conversation_id, messages.c.conversation_id.in_(sharing)),
        messages.c.conversation_id != conversation_id,
        messages.c.sequence_id > request.sequence_id,
        messages.c.role == "approval",
        messages.c.approvals.is_not(None),
    )
    return list(connection.scalars(query))


def move_to_end(connection: Connection, message_ids: Sequence[str]) -> None:
    """Let these messages, in their order, follow all others in lists."""
    sequence = func.pg_get_serial_sequence(messages.fullname, "sequence_id")
    for message_id in message_ids:
        connection.execute(
            update(messages).where(messages.c.id == message_id).values(sequence_id=func.nextval(sequence))
        )
