"""The messages that follow the system message of a new agent."""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from letta.agents.agent import Agent
from letta.agents.agent_types import traits_of
from letta.messages.message import Message, text_content
from letta.messages.schemas import MessageCreate
from letta.system_message.times import format_time

_FIRST_THOUGHT = "I have just been started. I say hello, so that the way to the person is known to work."
_FIRST_WORDS = "Hello! I'm here, and I will remember what we talk about."
_SENT = "The message was sent."


def default_messages(agent: Agent, conversation_id: str) -> list[Message]:
    """What follows the system message of a new agent of this type.

    Types that speak through a tool begin with an example of it, and the news that a person has come.
    """
    if not traits_of(agent.agent_type).begins_with_login:
        return []
    call_id = f"call_{uuid.uuid4().hex[:24]}"
    assistant = Message(
        role="assistant",
        agent_id=agent.id,
        conversation_id=conversation_id,
        content=[{"type": "reasoning", "is_native": False, "reasoning": _FIRST_THOUGHT, "signature": None}],
        tool_calls=[{"id": call_id, "name": "send_message", "arguments": json.dumps({"message": _FIRST_WORDS})}],
        model=agent.llm_config["model"],
    )
    returned = {
        "tool_call_id": call_id,
        "name": "send_message",
        "status": "success",
        "tool_return": _SENT,
        "stdout": None,
        "stderr": None,
    }
    tool = Message(
        role="tool",
        agent_id=agent.id,
        conversation_id=conversation_id,
        name="send_message",
        tool_returns=[returned],
    )
    user = Message(
        role="user", agent_id=agent.id, conversation_id=conversation_id, content=text_content(_login(agent.timezone))
    )
    return [assistant, tool, user]


def given_messages(agent: Agent, conversation_id: str, given: Sequence[MessageCreate]) -> list[Message]:
    """The messages that a client begins an agent with."""
    return [
        Message(
            role=message.role,
            agent_id=agent.id,
            conversation_id=conversation_id,
            content=_content(message),
            name=message.name,
            otid=message.otid or str(uuid.uuid4()),
            sender_id=message.sender_id,
            group_id=message.group_id,
        )
        for message in given
    ]


def _login(timezone: str) -> str:
    event = {"type": "login", "last_login": "Never (first login)", "time": format_time(datetime.now(UTC), timezone)}
    return json.dumps(event, indent=2)


def _content(message: MessageCreate) -> list[dict[str, object]]:
    if isinstance(message.content, str):
        return text_content(message.content)
    return [part.model_dump() for part in message.content]
