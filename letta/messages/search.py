"""Finding messages by what was said."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from letta.messages.message import Message
from letta.messages.repository import COLUMNS, to_message
from letta.organizations.actor import Actor
from letta.search import message_repository as repository
from letta.search.request import MessageSearch

_NAMES = [column.name for column in COLUMNS]


@dataclass(frozen=True, slots=True)
class FoundMessage:
    """A message that was found; ``score`` is 1 for the best match, 0 where nothing was asked."""

    message: Message
    score: float


def find_messages(connection: Connection, actor: Actor, search: MessageSearch) -> list[FoundMessage]:
    """The messages that fit best. Where none has any of the words, those in which the text stands as it is.

    Without a text, the newest.
    """
    if search.text is None or not search.text.strip():
        rows = repository.newest_messages(connection, actor, search, _NAMES)
    else:
        rows = repository.search_messages(connection, actor, search, _NAMES)
        rows = rows or repository.messages_containing(connection, actor, search, _NAMES)
    return [FoundMessage(to_message(row[:-1]), score) for row, score in rows]


def said(message: Message) -> str:
    """What a message says, be it with a messaging tool."""
    parts = [message.text, *map(_sent, message.tool_calls or ())]
    return "\n".join(part for part in parts if part)


def _sent(call: dict[str, str]) -> str:
    if call["name"] != "send_message":
        return ""
    try:
        return str(json.loads(call["arguments"])["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
