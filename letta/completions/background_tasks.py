"""What chat programs ask beside a chat: its title, its tags, how it may go on. None of it is for the agent to remember.

Open WebUI sends such tasks to the model of the chat, in words that operators may change, but always as one message of
the user's, which begins with a heading and has the chat within it. Other programs name a conversation that isn't kept.
"""

import uuid
from collections.abc import AsyncIterator

from fastapi.responses import Response

from letta.access.grants import Access
from letta.completions.chat_completions import ChunkWriter, usage, whole
from letta.completions.generate import generate
from letta.completions.incoming import text_of
from letta.completions.schemas import ChatCompletionRequest, ChatMessage, GenerateRequest
from letta.errors import ForbiddenError
from letta.http import sse
from letta.organizations.actor import Principal
from letta.server.server import SyncServer

NOT_KEPT = "none"
"""The name of the conversation that nobody remembers."""
_INSTRUCTIONS = {"system", "developer"}
_HEADING = "### Task:"
_CHAT = ("<chat_history>", "</chat_history>")


def is_background_task(request: ChatCompletionRequest, conversation: str | None) -> bool:
    """Whether a request asks about a chat instead of going on with it."""
    if conversation == NOT_KEPT:
        return True
    said = [message for message in request.messages if message.role not in _INSTRUCTIONS]
    text = text_of(said[0].content).lstrip() if len(said) == 1 else ""
    return text.startswith(_HEADING) and all(mark in text for mark in _CHAT)


async def answer_background_task(
    server: SyncServer, principal: Principal, agent_id: str, request: ChatCompletionRequest
) -> Response:
    """What the agent's model says, which is shown neither the agent's memory nor its history. Nothing is stored.

    Raises:
        ForbiddenError: the key may talk with the agent, but not use its model for other purposes.
        NotFoundError: no such agent.
        LlmError: the provider failed.
    """
    if not principal.may({Access.WRITE_AGENT}, agent_id):
        raise ForbiddenError(
            "This key may talk to the agent, but asking its model anything else requires write_agent. Use a key that "
            "has it."
        )
    asked = GenerateRequest(
        prompt=_prompt(request.messages) or "(nothing)",
        system_prompt="\n\n".join(text_of(m.content) for m in request.messages if m.role in _INSTRUCTIONS) or None,
    )
    answered = await generate(server, principal.actor, agent_id, asked)
    name, used = f"task-{uuid.uuid4()}", usage(answered.usage)
    if not request.stream:
        message = {"role": "assistant", "content": answered.content, "refusal": None}
        return whole(name, request, message, "stop", used)
    writer = ChunkWriter(name, request)
    frames = [writer.chunk({"role": "assistant", "content": answered.content}), *writer.end("stop", used)]
    return sse.Stream(_all(frames), lambda: None)


async def _all(frames: list[bytes]) -> AsyncIterator[bytes]:
    for frame in frames:
        yield frame


def _prompt(messages: list[ChatMessage]) -> str:
    said = [message for message in messages if message.role not in _INSTRUCTIONS]
    if len(said) == 1:
        return text_of(said[0].content)
    return "\n\n".join(f"{message.role}: {text_of(message.content)}" for message in said)
