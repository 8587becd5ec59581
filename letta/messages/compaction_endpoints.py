"""Compacting a conversation on request."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import Field

from letta.agents.compaction_settings import CompactionSettings, changed_compaction_settings
from letta.agents.repository import get_agent
from letta.conversations import service as conversations
from letta.conversations.service import Place
from letta.errors import ConflictError
from letta.http.dependencies import ActorDep, ServerDep
from letta.http.parameters import AgentId, ConversationAgent, ConversationRef
from letta.llm.errors import ContextOverflowError
from letta.messages.message import Message
from letta.messages.sending import RetryCount
from letta.messages.wire import PLAIN, to_wire
from letta.organizations.actor import Actor
from letta.schema import Schema
from letta.server.server import SyncServer
from letta.turn.request import RunOptions, RunRequest, hash_body

router = APIRouter(prefix="/v1", tags=["messages"])


class CompactionRequest(Schema):
    """How to compact; what is left out is as the agent's settings say."""

    compaction_settings: CompactionSettings | None = None


class ConversationCompactionRequest(CompactionRequest):
    """As for an agent, in one of its conversations."""

    agent_id: str | None = Field(None, description="The agent, if the conversation is 'default'.")


class CompactionResponse(Schema):
    """What a compaction came to."""

    summary: str
    num_messages_before: int
    num_messages_after: int


@router.post("/agents/{agent_id}/summarize", response_model=CompactionResponse)
async def compact_agent(
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: Annotated[CompactionRequest | None, Body()] = None,
    retry_count: RetryCount = 0,
) -> CompactionResponse:
    """Summarize the older part of the agent's default conversation now."""
    return await _compact(server, actor, agent_id, None, body, resent=retry_count > 0)


@router.post("/conversations/{conversation_id}/compact", response_model=CompactionResponse, tags=["conversations"])
async def compact_conversation(
    actor: ActorDep,
    server: ServerDep,
    conversation_id: ConversationRef,
    body: Annotated[ConversationCompactionRequest | None, Body()] = None,
    agent_id: ConversationAgent = None,
    retry_count: RetryCount = 0,
) -> CompactionResponse:
    """Summarize the older part of a conversation now."""
    place = Place(conversation_id, agent_id or (body.agent_id if body else None))
    found = await server.database.read(conversations.find, actor, place)
    return await _compact(server, actor, found.agent_id, found.id, body, resent=retry_count > 0)


async def _compact(
    server: SyncServer,
    actor: Actor,
    agent_id: str,
    conversation_id: str | None,
    body: CompactionRequest | None,
    *,
    resent: bool,
) -> CompactionResponse:
    """Compact a conversation of an agent (its default one without an id), as a run of its own.

    Raises:
        NotFoundError: no such agent or conversation.
        BusyError: a run holds the conversation.
        ConflictError: there is nothing to compact, or somebody has cancelled it.
        LettaError: no summary could be had.
    """
    row = await server.database.read(get_agent, actor, agent_id)
    given = body.compaction_settings if body else None
    stored = row.agent.compaction_settings
    settings = stored if given is None else changed_compaction_settings(stored, given, (stored or {}).get("model"))
    request = RunRequest(
        agent_id=agent_id,
        conversation_id=conversation_id,
        messages=[],
        options=RunOptions(max_steps=1, run_type="compaction", compaction=settings or {}),
        body_hash=hash_body({"compaction": given and given.model_dump(mode="json", exclude_unset=True)}),
        resent=resent,
    )
    view = await server.executor.start(actor, request)
    try:
        finished = await view.finish()
    except ContextOverflowError as error:
        raise ConflictError("There is nothing to compact: the context contains only the system message.") from error
    if not finished.messages:
        raise ConflictError("The compaction was cancelled.")
    return _response(finished.messages[0])


def _response(summary: Message) -> CompactionResponse:
    (wire,) = to_wire([summary], replace(PLAIN, summaries=True))
    stats = wire["compaction_stats"]
    return CompactionResponse(
        summary=wire["summary"],
        num_messages_before=stats["messages_count_before"],
        num_messages_after=stats["messages_count_after"],
    )
