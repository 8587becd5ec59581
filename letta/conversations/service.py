"""What can be done with conversations, beside talking in them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from letta.agents.agent import Agent
from letta.agents.repository import get_agent
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.conversations import repository
from letta.conversations.conversation import Conversation
from letta.conversations.repository import ConversationFilter
from letta.conversations.schemas import ConversationResponse, CreateConversation, UpdateConversation
from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import InvalidArgumentError, NotFoundError
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.listing import list_messages_of_agent
from letta.messages.repository import MessageFilter
from letta.messages.wire import Presentation, for_agent, to_wire
from letta.organizations.actor import Actor
from letta.runs.repository import find_run_by_otid, has_run
from letta.system_message import stored
from letta.system_message.compile import compile_system
from letta.system_message.facts import facts_of
from letta.system_message.shown import shown_by

DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class Place:
    """A conversation as a request names it: by its id, or an agent's own one as ``default`` or by the agent's id."""

    name: str
    agent_id: str | None = None


def find(connection: Connection, actor: Actor, place: Place) -> Conversation:
    """The conversation that a request names.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: it is ``default``, but no agent is named.
    """
    agent_id = place.name if place.name.startswith("agent-") else place.agent_id
    if place.name.startswith("conv-"):
        return repository.get_conversation(connection, actor, place.name)
    if agent_id is None:
        raise InvalidArgumentError(
            "Every agent has its own conversation 'default'. Set agent_id to say whose is meant."
        )
    return repository.get_default(connection, actor, agent_id)


def create(connection: Connection, actor: Actor, agent_id: str, body: CreateConversation) -> ConversationResponse:
    """Begin a conversation of an agent.

    Raises:
        NotFoundError: no such agent.
        InvalidArgumentError: a label isn't one of the agent's blocks.
    """
    agent = get_agent(connection, actor, agent_id).agent
    values = body.model_dump(exclude={"isolated_block_labels", "model_settings"})
    settings = None if body.model_settings is None else body.model_settings.model_dump(exclude_unset=True)
    conversation = Conversation(new_id("conv"), agent_id, is_default=False, model_settings=settings, **values)
    blocks = blocks_repository.blocks_of_agent(connection, agent_id)
    isolated = _with_labels(agent, blocks, body.isolated_block_labels or ())
    return _begin(connection, actor, agent, conversation, isolated)


def create_for_client(connection: Connection, actor: Actor, agent_id: str, key: str) -> str:
    """Begin a conversation of an agent under a client's own name for it, and return its id.

    Raises:
        NotFoundError: no such agent.
        sqlalchemy.exc.IntegrityError: there is one by now.
    """
    agent = get_agent(connection, actor, agent_id).agent
    conversation = Conversation(new_id("conv"), agent_id, is_default=False, client_key=key)
    return _begin(connection, actor, agent, conversation, []).id


def fork(
    connection: Connection, actor: Actor, place: Place, *, message_id: str | None, hidden: bool | None
) -> ConversationResponse:
    """Begin a conversation with the same messages as another one, as far as one of them or all.

    Raises:
        NotFoundError: no such conversation, or the message isn't in its context.
    """
    source = find(connection, actor, place)
    agent = get_agent(connection, actor, source.agent_id).agent
    kept = _messages_up_to(connection, source, message_id)
    isolated = blocks_repository.blocks_of_conversation(connection, source.id)
    conversation = Conversation(
        id=new_id("conv"),
        agent_id=source.agent_id,
        is_default=False,
        model=source.model,
        model_settings=source.model_settings,
        context_window_limit=source.context_window_limit,
        hidden=hidden,
    )
    made = _begin(connection, actor, agent, conversation, isolated)
    repository.share_messages(connection, made.id, kept)
    messages_repository.append_to_context(connection, made.id, kept)
    return made


def retrieve(connection: Connection, actor: Actor, place: Place) -> ConversationResponse:
    """One conversation, with the ids of the messages in its context."""
    conversation = find(connection, actor, place)
    shown = _responses(connection, [conversation])[0]
    shown.in_context_message_ids = messages_repository.context_ids(connection, [conversation.id]).get(
        conversation.id, []
    )
    return shown


def list_all(
    connection: Connection, actor: Actor, condition: ConversationFilter, page: Page, *, by_last_message: bool
) -> list[ConversationResponse]:
    """Conversations that meet the condition."""
    found = repository.list_conversations(connection, actor, condition, page, by_last_message=by_last_message)
    return _responses(connection, found)


def update(connection: Connection, actor: Actor, place: Place, body: UpdateConversation) -> ConversationResponse:
    """Change a conversation."""
    conversation = find(connection, actor, place)
    changes: dict[str, Any] = body.model_dump(exclude_unset=True)
    archived = changes.pop("archived", None)
    if archived is not None and archived != conversation.archived:
        changes |= {"archived": archived, "archived_at": datetime.now(UTC) if archived else None}
    return _responses(connection, [repository.update_conversation(connection, actor, conversation.id, changes)])[0]


def delete(connection: Connection, actor: Actor, place: Place) -> None:
    """Delete a conversation with its messages and isolated blocks.

    Raises:
        NotFoundError: there is none.
        InvalidArgumentError: it is the one that an agent has by itself.
        BusyError: a run is active in it.
    """
    conversation = find(connection, actor, place) if place.name.startswith("conv-") else None
    if conversation is None or conversation.is_default:
        raise InvalidArgumentError(
            "An agent's default conversation can't be deleted. Reset its messages, or delete the agent."
        )
    repository.lock_conversation(connection, conversation.id).raise_if_busy()
    repository.delete_conversation(connection, conversation.id)


def recompile(connection: Connection, actor: Actor, place: Place, *, dry_run: bool) -> str:
    """Compile the conversation's system message anew and return its text. It is stored unless ``dry_run`` is set."""
    conversation = find(connection, actor, place)
    agent = get_agent(connection, actor, conversation.agent_id).agent
    shown = shown_by(connection, agent, conversation.isolated_in)
    ids = messages_repository.context_ids(connection, [conversation.id]).get(conversation.id, [])
    facts = facts_of(connection, agent.id, in_context=len(ids), label=conversation.label)
    if dry_run:
        return compile_system(agent, shown, facts)
    repository.lock_conversation(connection, conversation.id)
    text, _ = stored.store(connection, actor, agent, conversation.id, ids, shown, facts)
    return text


def list_messages(
    connection: Connection,
    actor: Actor,
    place: Place,
    condition: MessageFilter,
    page: Page,
    presentation: Presentation,
) -> list[JsonObject]:
    """The messages of a conversation on the wire, in the requested order.

    Those of an agent's own one come oldest first in either order, as in the agent's list.

    Raises:
        NotFoundError: no such conversation, or the cursor is no message of the organization.
    """
    conversation = find(connection, actor, place)
    if conversation.is_default:
        condition = replace(condition, conversation_id=DEFAULT)
        return list_messages_of_agent(connection, actor, conversation.agent_id, condition, page, presentation)
    condition = replace(condition, conversation_id=conversation.id)
    found = messages_repository.list_messages(connection, actor, condition, page)
    agent_type = messages_repository.agent_type(connection, actor, conversation.agent_id)
    return to_wire(found, for_agent(presentation, agent_type))


def run_to_stream(connection: Connection, actor: Actor, place: Place, *, run_id: str | None, otid: str | None) -> str:
    """The run in a conversation that is named, or that a message with this otid has started, or that goes on.

    Raises:
        NotFoundError: no such conversation, or no such run in it.
        InvalidArgumentError: no run is named by the otid, or goes on.
    """
    conversation = find(connection, actor, place)
    if run_id is not None:
        if not has_run(connection, conversation.id, run_id):
            raise NotFoundError(f"There is no run {run_id} in this conversation.")
        return run_id
    if otid is not None:
        found = find_run_by_otid(connection, conversation.id, [otid])
        if found is None:
            raise InvalidArgumentError(f"No message with otid '{otid}' has started a run in this conversation.")
        return found.id
    active = repository.active_run(connection, conversation.id)
    if active is None:
        raise InvalidArgumentError("No active runs found for this conversation.")
    return active


def _begin(
    connection: Connection, actor: Actor, agent: Agent, conversation: Conversation, isolated: Sequence[Block]
) -> ConversationResponse:
    """Store a conversation with copies of blocks, and its system message."""
    copies = [replace(block, id=new_id("block"), version=1, tags=[]) for block in isolated]
    own = blocks_repository.create_blocks(connection, actor, copies)
    made = repository.insert_conversation(connection, actor, conversation)
    repository.isolate_blocks(connection, made.id, own)
    stored.begin(connection, actor, agent, made)
    return _response(made, [block.id for block in own])


def _with_labels(agent: Agent, blocks: Sequence[Block], labels: Sequence[str]) -> list[Block]:
    by_label = {block.label: block for block in blocks}
    unknown = [label for label in labels if label not in by_label]
    if unknown:
        raise InvalidArgumentError(
            f"isolated_block_labels: agent {agent.id} has no block '{unknown[0]}'. Its blocks: {', '.join(by_label)}."
        )
    return [by_label[label] for label in dict.fromkeys(labels)]


def _messages_up_to(connection: Connection, source: Conversation, message_id: str | None) -> list[str]:
    ids = messages_repository.context_ids(connection, [source.id]).get(source.id, [])
    if message_id is not None:
        if message_id not in ids:
            raise NotFoundError(f"Message {message_id} is not in the context of the conversation. Choose one that is.")
        ids = ids[: ids.index(message_id) + 1]
    roles = messages_repository.roles_of(connection, source.agent_id, ids)
    return [one for one in ids if roles[one] != "system"]


def _responses(connection: Connection, found: Sequence[Conversation]) -> list[ConversationResponse]:
    isolated = repository.isolated_block_ids(connection, [conversation.id for conversation in found])
    return [_response(conversation, isolated.get(conversation.id, [])) for conversation in found]


def _response(conversation: Conversation, isolated: list[str]) -> ConversationResponse:
    values = asdict(conversation) | {"id": DEFAULT if conversation.is_default else conversation.id}
    return ConversationResponse(isolated_block_ids=isolated, **values)
