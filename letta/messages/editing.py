"""Changing what a stored message says."""

import json
from dataclasses import replace
from typing import Literal

from pydantic import model_validator
from sqlalchemy import Connection

from letta.errors import InvalidArgumentError, NotFoundError
from letta.json_types import JsonObject
from letta.llm.content import arguments_of
from letta.messages import repository
from letta.messages.images import with_images
from letta.messages.message import Message, text_content
from letta.messages.schemas import ContentPart, MessageCreate
from letta.messages.wire import expand
from letta.organizations.actor import Actor
from letta.schema import Schema

MODIFIABLE = Literal["system_message", "user_message", "reasoning_message", "assistant_message"]

_TYPES = {"system": "system_message", "user": "user_message", "assistant": "assistant_message"}
_SPEAKING_TOOL = "send_message"


class ModifyMessage(Schema):
    """What a message is to say from now on: ``reasoning`` for a model's thoughts, ``content`` for all else.

    Without a type it is that of the stored message.
    """

    message_type: MODIFIABLE | None = None
    content: str | list[ContentPart] | None = None
    reasoning: str | None = None

    @model_validator(mode="after")
    def _one_text(self) -> "ModifyMessage":
        if (self.content is None) == (self.reasoning is None):
            raise ValueError("send either 'content' or 'reasoning', but not both")
        if self.message_type and (self.message_type == "reasoning_message") != (self.reasoning is not None):
            raise ValueError(f"a '{self.message_type}' can't be changed with this field")
        return self

    @property
    def parts(self) -> list[JsonObject]:
        """The content as it is stored."""
        if isinstance(self.content, list):
            return [part.model_dump() for part in self.content]
        return text_content(self.content or "")


async def with_its_images(change: ModifyMessage) -> ModifyMessage:
    """The change with all images in it (see `letta.messages.images`)."""
    if not isinstance(change.content, list):
        return change
    (complete,) = await with_images([MessageCreate(role="user", content=change.content)])
    return change.model_copy(update={"content": complete.content}) if isinstance(complete, MessageCreate) else change


def modify_message(
    connection: Connection, actor: Actor, agent_id: str, message_id: str, change: ModifyMessage
) -> JsonObject:
    """Change a message in place; its id, order and everything else about it stay.

    Returns: the message of the API that was changed.

    Raises:
        NotFoundError: the agent has no such message.
        InvalidArgumentError: the message is of another type, or says nothing that could be changed.
    """
    message = repository.get_message(connection, actor, message_id)
    if message.agent_id != agent_id:
        raise NotFoundError(f"Agent {agent_id} has no message {message_id}.")
    wanted = _type(message, change)
    changed = _with_thoughts(message, change.reasoning) if change.reasoning is not None else _saying(message, change)
    repository.set_content(connection, message_id, changed.content)
    if changed.tool_calls != message.tool_calls:
        repository.set_tool_calls(connection, message_id, changed.tool_calls or [])
    shown = next((wire for wire in expand(changed) if wire["message_type"] == wanted), None)
    if shown is None:
        raise InvalidArgumentError(f"content: none of it would be shown as {wanted}. Send text.")
    return shown


def _type(message: Message, change: ModifyMessage) -> str:
    own = _TYPES.get(message.role)
    if own is None:
        raise InvalidArgumentError(
            f"Message {message.id} has the role '{message.role}'. Only user, system and assistant messages can be "
            "modified."
        )
    wanted = "reasoning_message" if change.reasoning is not None else change.message_type or own
    if wanted not in {own, "reasoning_message"}:
        raise InvalidArgumentError(f"message_type: message {message.id} is not a {wanted} but a {own}.")
    return wanted


def _with_thoughts(message: Message, reasoning: str) -> Message:
    """A signature vouches for the text it was made for, so it goes."""
    place = next((i for i, part in enumerate(message.content) if part["type"] == "reasoning"), None)
    if place is None:
        raise InvalidArgumentError(f"message_type: message {message.id} contains no reasoning that could be changed.")
    part = message.content[place] | {"reasoning": reasoning, "signature": None}
    return replace(message, content=[*message.content[:place], part, *message.content[place + 1 :]])


def _saying(message: Message, change: ModifyMessage) -> Message:
    if message.role != "assistant":
        return replace(message, content=change.parts)
    if not _texts(message.content) and (message.tool_calls or [{"name": None}])[0]["name"] == _SPEAKING_TOOL:
        return _sending(message, "".join(part["text"] for part in _texts(change.parts)))
    others = [part for part in message.content if part["type"] != "text"]
    return replace(message, content=[*others, *change.parts])


def _sending(message: Message, text: str) -> Message:
    call, *others = message.tool_calls or []
    arguments = arguments_of(call) | {"message": text}
    return replace(message, tool_calls=[call | {"arguments": json.dumps(arguments, ensure_ascii=False)}, *others])


def _texts(parts: list[JsonObject]) -> list[JsonObject]:
    return [part for part in parts if part["type"] == "text"]
