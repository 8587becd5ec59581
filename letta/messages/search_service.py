"""From requests that look for messages to what is found, and back."""

from dataclasses import dataclass

from sqlalchemy import Connection

from letta.conversations.repository import default_among, get_conversation
from letta.messages import repository
from letta.messages.message import Message
from letta.messages.search import find_messages, said
from letta.messages.search_schemas import FoundMessageItem, MessageSearchResult, SearchAllMessages, SearchMessages
from letta.messages.stored_form import stored_form
from letta.messages.wire import to_wire
from letta.organizations.actor import Actor
from letta.search.request import MessageSearch

_SAID = ("user", "assistant", "approval", "system")
"""Roles of what people and agents say to each other."""
_STORED_ROLES = {"assistant": ("assistant", "approval"), "function": ("tool",)}
"""Under which roles messages are stored, where it isn't the one that clients name."""
_SHOWN_AS = {"user": "user_message", "system": "system_message"}


@dataclass(frozen=True, slots=True)
class Found:
    """A message that was found.

    Attributes:
        conversation_id: None for the conversation that an agent has by itself.
        place: among the results, from 1; None where nothing was asked.
    """

    message: Message
    score: float
    conversation_id: str | None
    place: int | None


def search_everywhere(connection: Connection, actor: Actor, body: SearchAllMessages | SearchMessages) -> list[Found]:
    """The messages that a request looks for, the best first.

    Raises:
        NotFoundError: no such agent or conversation.
    """
    search = MessageSearch(
        text=body.query,
        limit=body.limit,
        roles=_roles(body),
        agent_id=_agent_of(connection, actor, body),
        conversation_id=body.conversation_id,
        start=body.start_date,
        end=body.end_date,
    )
    found = find_messages(connection, actor, search)
    default = default_among(connection, {one.message.conversation_id for one in found})
    asked = bool(body.query and body.query.strip())
    return [
        Found(
            one.message,
            one.score,
            None if one.message.conversation_id in default else one.message.conversation_id,
            place if asked else None,
        )
        for place, one in enumerate(found, 1)
    ]


def _roles(body: SearchAllMessages | SearchMessages) -> list[str]:
    named = body.roles if isinstance(body, SearchMessages) else None
    if named is None:
        return list(_SAID)
    return [stored for role in named for stored in _STORED_ROLES.get(role, (role,))]


def _agent_of(connection: Connection, actor: Actor, body: SearchAllMessages | SearchMessages) -> str | None:
    """The agent whose messages are searched, where the request names it or one of its conversations."""
    if body.agent_id is not None:
        repository.agent_type(connection, actor, body.agent_id)
    if body.conversation_id is None or body.conversation_id == "default":
        return body.agent_id
    owner = get_conversation(connection, actor, body.conversation_id).agent_id
    return body.agent_id or owner


def as_item(found: Found) -> FoundMessageItem:
    """A message that was found, as one message of the API."""
    message = found.message
    content = to_wire([message])[0]["content"] if message.role in _SHOWN_AS else said(message)
    return FoundMessageItem.model_validate(
        {
            "message_type": _SHOWN_AS.get(message.role, "assistant_message"),
            "content": content,
            "message_id": message.id,
            "agent_id": message.agent_id,
            "conversation_id": found.conversation_id,
            "created_at": message.created_at,
        }
    )


def as_result(found: Found) -> MessageSearchResult:
    """A message that was found, as it is stored."""
    shown = stored_form(found.message)
    shown.conversation_id = found.conversation_id
    return MessageSearchResult(
        embedded_text=said(found.message), message=shown, fts_rank=found.place, rrf_score=found.score
    )
