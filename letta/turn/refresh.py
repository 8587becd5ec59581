"""Keeping the stored system message true to what it is compiled from.

A unit may be run again after its effects were rolled back: what a turn is to go on with is returned, and taken over
by it once that is committed.
"""

from collections.abc import Sequence

from sqlalchemy import Connection

from letta.blocks.block import Block
from letta.conversations.repository import get_conversation
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.message import Message, text_content
from letta.turn.facts import facts_of
from letta.turn.system import compile_system, system_digest
from letta.turn.tools import load_blocks, load_directories
from letta.turn.turn import Seen, Turn


def open_context(connection: Connection, turn: Turn) -> None:
    """Let the context of a turn that is just being loaded begin with a system message that is up to date."""
    if turn.context and turn.context[0].role == "system":
        turn.see(look_around(connection, turn))
        return
    blocks, directories = load_blocks(connection, turn), load_directories(connection, turn)
    content = _compiled(connection, turn, blocks, directories, in_context=len(turn.context))
    _insert_system(connection, turn, content)
    turn.see(Seen(blocks, directories, system_digest(turn.agent, blocks, directories), content))


def look_around(connection: Connection, turn: Turn, *, recount: bool = False) -> Seen:
    """See what has become of blocks and files, by this step or by others, and let the system message show it.

    It is compiled anew if what it shows has changed; because of its counts alone only where ``recount`` is set.
    """
    blocks, directories = load_blocks(connection, turn), load_directories(connection, turn)
    digest = system_digest(turn.agent, blocks, directories)
    if digest == turn.conversation.system_digest and not recount:
        return Seen(blocks, directories, digest, turn.context[0].content)
    return _rewritten(connection, turn, blocks, directories, in_context=len(turn.context))


def tell_counts(connection: Connection, turn: Turn, *, in_context: int) -> Seen:
    """Let the system message tell new counts, beside the blocks and files that the turn has seen last."""
    return _rewritten(connection, turn, turn.blocks, turn.directories, in_context=in_context)


def find_seen(connection: Connection, turn: Turn) -> Seen:
    """What there is to see after a transaction whose result was lost."""
    return Seen(
        blocks=load_blocks(connection, turn),
        directories=load_directories(connection, turn),
        digest=get_conversation(connection, turn.actor, turn.conversation.id).system_digest,
        content=messages_repository.get_message(connection, turn.actor, turn.context[0].id).content,
    )


def _rewritten(
    connection: Connection, turn: Turn, blocks: list[Block], directories: str | None, *, in_context: int
) -> Seen:
    """Compile the message anew. Its row keeps its id and its place, so that nothing else in the context moves."""
    content = _compiled(connection, turn, blocks, directories, in_context=in_context)
    messages_repository.set_content(connection, turn.context[0].id, content)
    digest = system_digest(turn.agent, blocks, directories)
    return Seen(blocks, directories, digest, content, rewritten=True)


def _compiled(
    connection: Connection, turn: Turn, blocks: Sequence[Block], directories: str | None, *, in_context: int
) -> list[JsonObject]:
    facts = facts_of(connection, turn.agent.id, in_context=in_context, label=turn.conversation.label)
    return text_content(compile_system(turn.agent, blocks, facts, directories))


def _insert_system(connection: Connection, turn: Turn, content: list[JsonObject]) -> None:
    message = Message("system", turn.agent.id, turn.conversation.id, content=content)
    messages_repository.insert_messages(connection, turn.actor, [message])
    ids = [message.id, *(other.id for other in turn.context)]
    messages_repository.replace_context(connection, turn.conversation.id, ids)
    for position, other in enumerate(turn.context, 1):
        other.position = position
    message.position = 0
    turn.context.insert(0, message)
    turn.next_position = len(turn.context)
