"""The default conversation of an imported agent: its history, and the part of it that is its context."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from letta.agent_files.messages import MessageReader
from letta.agent_files.planning import PlannedAgent
from letta.agent_files.schemas import MessageInFile
from letta.agents.initial_messages import default_messages, given_messages
from letta.agents.state import LoadedAgent
from letta.folders.attached import directories_section
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.message import Message
from letta.organizations.actor import Actor
from letta.system_message.shown import Shown
from letta.system_message.stored import begin_default
from letta.turn.styles import style_of
from letta.turn.styles.messaging import Messaging

_BATCH = 500
"""So many messages are in memory as objects at a time."""


def begin_conversation(
    connection: Connection, actor: Actor, planned: PlannedAgent, loaded: LoadedAgent, *, strip: bool
) -> None:
    """Store an agent's default conversation with the messages of the file, or those that such an agent begins with.

    The system message is compiled anew, as it tells of the agent's id.
    """
    entries, context = _given(planned, strip=strip)
    directories = directories_section(connection, loaded.agent) if loaded.folders else None
    shown = Shown(loaded.blocks, directories)
    system = begin_default(connection, actor, loaded.agent, shown, recall_count=len(entries) - len(context))
    conversation_id = system.conversation_id
    brings_system = _begins_with_system(entries, context)
    first = [] if brings_system else [system]
    messages_repository.insert_messages(connection, actor, first)
    compiled = {context[0]: system} if brings_system else {}
    stored = _store(connection, actor, _reader(loaded, conversation_id), entries, compiled)
    last = [] if context else _beginning(planned, loaded, conversation_id)
    messages_repository.insert_messages(connection, actor, last)
    ids = [*(message.id for message in first), *(stored[name] for name in context), *(message.id for message in last)]
    messages_repository.append_to_context(connection, conversation_id, ids)


def _given(planned: PlannedAgent, *, strip: bool) -> tuple[list[JsonObject], list[str]]:
    """The messages of the file, and the ids of those in the context."""
    if strip:
        return [], []
    return planned.entry.messages or [], planned.entry.in_context_message_ids or []


def _begins_with_system(entries: Sequence[JsonObject], context: Sequence[str]) -> bool:
    return any(entry["id"] == context[0] and entry["role"] == "system" for entry in entries) if context else False


def _reader(loaded: LoadedAgent, conversation_id: str) -> MessageReader:
    thinks_in_text = isinstance(style_of(loaded.agent.agent_type), Messaging)
    return MessageReader(loaded.agent.id, conversation_id, thinks_in_text=thinks_in_text)


def _store(
    connection: Connection,
    actor: Actor,
    reader: MessageReader,
    entries: Sequence[JsonObject],
    compiled: Mapping[str, Message],
) -> dict[str, str]:
    """Store messages in the order of the file and return their new ids. Those ``compiled`` anew get a new content."""
    ids: dict[str, str] = {}
    for start in range(0, len(entries), _BATCH):
        batch = [MessageInFile.model_validate(entry) for entry in entries[start : start + _BATCH]]
        messages = [reader.read(entry) for entry in batch]
        for entry, message in zip(batch, messages, strict=True):
            ids[entry.id] = message.id
            if entry.id in compiled:
                message.content = compiled[entry.id].content
        messages_repository.insert_messages(connection, actor, messages)
    return ids


def _beginning(planned: PlannedAgent, loaded: LoadedAgent, conversation_id: str) -> list[Message]:
    """What an agent begins with that comes without any history."""
    given = planned.body.initial_message_sequence
    if given is not None:
        return given_messages(loaded.agent, conversation_id, given)
    return default_messages(loaded.agent, conversation_id)
