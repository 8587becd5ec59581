"""Which of an agent's conversations a request of an OpenAI client belongs to."""

import re

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError
from starlette.datastructures import Headers

from letta.completions.errors import OpenAIError
from letta.conversations import repository, service
from letta.conversations.conversation import Conversation
from letta.database.ids import id_pattern
from letta.errors import NotFoundError
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.runs.run_repository import retrieve_run
from letta.server.server import SyncServer

HEADERS = ("x-letta-conversation-id", "x-openwebui-chat-id", "x-conversation-id")
"""Ours, that of Open WebUI, and the one that others let their users set."""
_ID = re.compile(id_pattern("conv"))
_METADATA = ("conversation_id", "chat_id")
_DEFAULT = "default"
_MOST_CHARACTERS = 200


def name_in(headers: Headers, metadata: JsonObject | None) -> str | None:
    """The conversation that a request's headers or metadata name, in this order."""
    named = [headers.get(name) for name in HEADERS] + [(metadata or {}).get(name) for name in _METADATA]
    return next((name for name in named if isinstance(name, str) and name.strip()), None)


async def conversation_of(server: SyncServer, actor: Actor, agent_id: str, name: str | None) -> str | None:
    """The id of the conversation with a name, which is begun if it isn't there; None for the agent's own one.

    Raises:
        OpenAIError: it is the id of a conversation that the agent doesn't have, or too long.
        NotFoundError: there is no such agent.
    """
    if name is None or name == _DEFAULT:
        return None
    if len(name) > _MOST_CHARACTERS:
        raise OpenAIError(
            f"The name of the conversation has more than {_MOST_CHARACTERS} characters. Send a shorter one.",
            param="conversation",
        )
    if _ID.match(name):
        return await server.database.read(_own, actor, agent_id, name)
    found = await server.database.read(repository.find_by_client_key, actor, agent_id, name)
    return found.id if found is not None else await _begun(server, actor, agent_id, name)


async def _begun(server: SyncServer, actor: Actor, agent_id: str, name: str) -> str:
    try:
        return await server.database.run(service.create_for_client, actor, agent_id, name)
    except IntegrityError:  # another request of the client was quicker
        found = await server.database.read(repository.find_by_client_key, actor, agent_id, name)
        if found is None:
            raise
        return found.id


async def conversation_of_response(server: SyncServer, actor: Actor, agent_id: str, response_id: str) -> str | None:
    """The conversation that a response was made in; None for the agent's own one.

    Raises:
        OpenAIError: the agent has made no such response.
    """
    try:
        run = await server.database.read(retrieve_run, actor, response_id)
    except NotFoundError:
        run = None
    if run is None or run.agent_id != agent_id:
        raise OpenAIError(
            f"The agent has no response '{response_id[:200]}'. Leave out previous_response_id: an agent remembers the "
            "conversation by itself.",
            param="previous_response_id",
            code="previous_response_not_found",
        )
    return run.conversation_id


def _own(connection: Connection, actor: Actor, agent_id: str, conversation_id: str) -> str | None:
    try:
        found: Conversation | None = repository.get_conversation(connection, actor, conversation_id)
    except NotFoundError:
        found = None
    if found is None or found.agent_id != agent_id:
        raise OpenAIError(
            f"The agent has no conversation '{conversation_id}'. Use the id of one of its conversations, or a name of "
            "your own.",
            param="conversation",
            status=404,
        )
    return None if found.is_default else found.id
