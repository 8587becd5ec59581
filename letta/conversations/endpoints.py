"""Conversations: several talks of one agent, side by side, which share its memory."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Query
from fastapi.responses import JSONResponse, Response

from letta.conversations import service
from letta.conversations.conversation import Conversation
from letta.conversations.repository import ConversationFilter
from letta.conversations.schemas import (
    ConversationMessageRequest,
    ConversationResponse,
    ConversationStreamRequest,
    CreateConversation,
    RecompileRequest,
    UpdateConversation,
)
from letta.conversations.service import Place
from letta.database.ids import id_pattern
from letta.database.pagination import Order, Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import After, Before, ConversationAgent, ConversationRef, Limit, page_parameters
from letta.json_types import JsonObject
from letta.messages.repository import MessageFilter
from letta.messages.schemas import MessageType
from letta.messages.sending import (
    STREAM_ANSWER,
    Queued,
    SendingDep,
    answer,
    resumed,
    run_request,
    types_of,
)
from letta.messages.wire import Presentation
from letta.runs import run_repository
from letta.turn.preview import preview_body, preview_turn
from letta.turn.request import RunRequest

router = APIRouter(prefix="/v1/conversations", tags=["conversations"])

MessagesPage = Annotated[Page, page_parameters(limit=100, order="desc")]
AgentQuery = Annotated[str, Query(pattern=id_pattern("agent"), description="The agent that the conversation is with.")]
_RUN_TYPE = "send_conversation_message"


@router.post("", response_model=ConversationResponse)
async def create_conversation(
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentQuery,
    body: Annotated[CreateConversation, Body(default_factory=CreateConversation)],
) -> ConversationResponse:
    """Start a conversation with an agent."""
    if body.model is not None:
        await (await server.catalogs.whole(actor, body.model)).resolve_llm(body.model)
    return await server.database.run(service.create, actor, agent_id, body)


@router.get("", response_model=list[ConversationResponse])
async def list_conversations(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: str | None = None,
    limit: Limit = 50,
    after: After = None,
    before: Before = None,
    summary_search: Annotated[str | None, Query(max_length=200)] = None,
    archive_status: Literal["unarchived", "archived", "all"] = "unarchived",
    order: Order = "desc",
    order_by: Literal["created_at", "last_run_completion", "last_message_at"] = "created_at",
) -> list[ConversationResponse]:
    """Conversations of one agent or of all agents, newest first. Default conversations are not listed."""
    archived = None if archive_status == "all" else archive_status == "archived"
    condition = ConversationFilter(agent_id, summary_search, archived)
    page = Page(limit=limit, before=before, after=after, order=order)
    by_last_message = order_by != "created_at"
    return await database.read(service.list_all, actor, condition, page, by_last_message=by_last_message)


@router.get("/{conversation_id}", response_model=ConversationResponse)
async def retrieve_conversation(
    actor: ActorDep, database: DatabaseDep, conversation_id: ConversationRef, agent_id: ConversationAgent = None
) -> ConversationResponse:
    """One conversation, with the ids of the messages in its context."""
    return await database.read(service.retrieve, actor, Place(conversation_id, agent_id))


@router.patch("/{conversation_id}", response_model=ConversationResponse)
async def update_conversation(
    actor: ActorDep,
    server: ServerDep,
    conversation_id: ConversationRef,
    body: UpdateConversation,
    agent_id: ConversationAgent = None,
) -> ConversationResponse:
    """Change a conversation. Omitted fields are kept."""
    if body.model is not None:
        await (await server.catalogs.whole(actor, body.model)).resolve_llm(body.model)
    return await server.database.run(service.update, actor, Place(conversation_id, agent_id), body)


@router.delete("/{conversation_id}")
async def delete_conversation(actor: ActorDep, database: DatabaseDep, conversation_id: ConversationRef) -> None:
    """Delete a conversation with its messages, except those that a fork shares."""
    await database.run(service.delete, actor, Place(conversation_id))


@router.post("/{conversation_id}/fork", response_model=ConversationResponse)
async def fork_conversation(
    actor: ActorDep,
    database: DatabaseDep,
    conversation_id: ConversationRef,
    agent_id: ConversationAgent = None,
    message_id: Annotated[
        str | None, Query(description="The last message to copy; by default, all messages are copied.")
    ] = None,
    hidden: bool | None = None,
) -> ConversationResponse:
    """Start a new conversation with the same messages, which can then take another course."""
    place = Place(conversation_id, agent_id)
    return await database.run(service.fork, actor, place, message_id=message_id, hidden=hidden)


@router.post("/{conversation_id}/recompile")
async def recompile_conversation(
    actor: ActorDep,
    database: DatabaseDep,
    conversation_id: ConversationRef,
    dry_run: bool = False,
    body: Annotated[RecompileRequest | None, Body()] = None,
) -> str:
    """Recompile the system message and return its text."""
    place = Place(conversation_id, body.agent_id if body else None)
    return await database.run(service.recompile, actor, place, dry_run=dry_run)


@router.post("/{conversation_id}/cancel")
async def cancel_conversation(
    actor: ActorDep, server: ServerDep, conversation_id: ConversationRef, agent_id: ConversationAgent = None
) -> dict[str, str]:
    """Cancel the run in progress in a conversation, or the one that waits for approval."""
    conversation = await server.database.read(service.find, actor, Place(conversation_id, agent_id))
    run_ids = await server.database.read(run_repository.runs_to_cancel, actor, conversation.agent_id, conversation.id)
    return await server.executor.cancel(actor, run_ids)


@router.get("/{conversation_id}/messages", response_model=list[JsonObject])
async def list_messages(
    actor: ActorDep,
    database: DatabaseDep,
    conversation_id: ConversationRef,
    page: MessagesPage,
    agent_id: ConversationAgent = None,
    group_id: str | None = None,
    include_err: bool | None = None,
    include_return_message_types: Annotated[list[MessageType] | None, Query()] = None,
) -> JSONResponse:
    """Messages of a conversation, newest first; of a default conversation, the newest ones, but oldest first."""
    condition = MessageFilter(group_id=group_id, include_err=include_err)
    presentation = Presentation(types_of(include_return_message_types))
    place = Place(conversation_id, agent_id)
    return JSONResponse(await database.read(service.list_messages, actor, place, condition, page, presentation))


@router.post("/{conversation_id}/messages", response_model=None, responses=STREAM_ANSWER)
async def create_message(
    sending: SendingDep,
    actor: ActorDep,
    server: ServerDep,
    conversation_id: ConversationRef,
    body: ConversationMessageRequest,
    agent_id: ConversationAgent = None,
    queue: Queued = False,
) -> Response:
    """Send messages to a conversation and return the turn: as a stream, unless `streaming` is false."""
    place = Place(conversation_id, agent_id or body.agent_id)
    conversation = await server.database.read(service.find, actor, place)
    run = await sending.mark(_run(conversation, body))
    return await answer(server, actor, run, body, queue=queue)


@router.post("/{conversation_id}/messages/preview-raw-payload")
async def preview_payload(
    actor: ActorDep,
    server: ServerDep,
    conversation_id: ConversationRef,
    body: ConversationMessageRequest,
    agent_id: ConversationAgent = None,
) -> JsonObject:
    """The request that the model would be sent. Nothing is stored and no model is called."""
    place = Place(conversation_id, agent_id or body.agent_id)
    conversation = await server.database.read(service.find, actor, place)
    turn = await server.database.discard(preview_turn, actor, _run(conversation, body))
    await server.models.prepare(turn)
    return preview_body(turn, server.models)


@router.post("/{conversation_id}/stream", response_model=None, responses=STREAM_ANSWER)
async def resume_stream(
    actor: ActorDep,
    server: ServerDep,
    conversation_id: ConversationRef,
    body: Annotated[ConversationStreamRequest | None, Body()] = None,
    agent_id: ConversationAgent = None,
) -> Response:
    """Read the stream of the run in progress in a conversation, or of the run named in the body."""
    wanted = body or ConversationStreamRequest()
    place = Place(conversation_id, agent_id or wanted.agent_id)
    run_id = await server.database.read(service.run_to_stream, actor, place, run_id=wanted.run_id, otid=wanted.otid)
    return await resumed(
        server, actor, run_id, starting_after=wanted.starting_after, pings=wanted.include_pings is not False
    )


def _run(conversation: Conversation, body: ConversationMessageRequest) -> RunRequest:
    conversation_id = None if conversation.is_default else conversation.id
    return run_request(conversation.agent_id, body, conversation_id=conversation_id, run_type=_RUN_TYPE)
