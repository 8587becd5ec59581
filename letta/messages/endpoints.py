"""Sending messages to an agent, and reading them."""

from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse, Response

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import AgentId, MessageId, page_parameters
from letta.json_types import JsonObject
from letta.messages import listing
from letta.messages.editing import ModifyMessage, modify_message, with_its_images
from letta.messages.repository import MessageFilter
from letta.messages.schemas import LettaAsyncRequest, LettaStreamingRequest, MessageType
from letta.messages.sending import STREAM_ANSWER, Queued, SendingDep, answer, run_request, types_of
from letta.messages.wire import Presentation
from letta.outgoing import egress
from letta.runs import run_repository
from letta.runs.schemas import CancelRequest, Run
from letta.turn.preview import preview_body, preview_turn

router = APIRouter(prefix="/v1", tags=["messages"])

MessagesPage = Annotated[Page, page_parameters(limit=100, order="desc")]


@router.post("/agents/{agent_id}/messages", response_model=None, responses=STREAM_ANSWER)
async def create_message(
    sending: SendingDep,
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: LettaStreamingRequest,
    queue: Queued = False,
) -> Response:
    """Send messages to an agent and return its turn, as JSON or as a stream."""
    run = await sending.mark(run_request(agent_id, body))
    return await answer(server, actor, run, body, queue=queue)


@router.post("/agents/{agent_id}/messages/stream", response_model=None, responses=STREAM_ANSWER)
async def stream_message(
    sending: SendingDep,
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: LettaStreamingRequest,
    queue: Queued = False,
) -> Response:
    """Deprecated: use POST /v1/agents/{agent_id}/messages with `streaming`."""
    body.streaming = True
    run = await sending.mark(run_request(agent_id, body, run_type="streaming"))
    return await answer(server, actor, run, body, queue=queue)


@router.post("/agents/{agent_id}/messages/async", response_model=Run)
async def create_message_async(
    sending: SendingDep,
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: LettaAsyncRequest,
    queue: Queued = False,
) -> Any:
    """Start a turn and answer at once with its run."""
    await egress.check(body.callback_url)
    run = await sending.mark(run_request(agent_id, body))
    view = await server.executor.start(actor, run, queue=queue)
    started = await server.database.read(run_repository.retrieve_run, actor, view.run_id)
    return started.model_copy(update={"status": "created"}) if started.status == "running" else started


@router.post("/agents/{agent_id}/messages/preview-raw-payload")
async def preview_payload(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: LettaStreamingRequest
) -> JsonObject:
    """The request that the model would be sent. Nothing is stored and no model is called."""
    turn = await server.database.discard(preview_turn, actor, run_request(agent_id, body))
    await server.models.prepare(turn)
    return preview_body(turn, server.models)


@router.post("/agents/{agent_id}/messages/cancel")
async def cancel_messages(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: CancelRequest | None = None
) -> dict[str, str]:
    """Cancel runs of an agent: the given ones, or all active ones."""
    run_ids = body.run_ids if body and body.run_ids else None
    if run_ids is None:
        run_ids = await server.database.read(run_repository.runs_to_cancel, actor, agent_id)
    return await server.executor.cancel(actor, run_ids)


@router.get("/agents/{agent_id}/messages", response_model=list[JsonObject])
async def list_messages(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    page: MessagesPage,
    conversation_id: str | None = None,
    group_id: str | None = None,
    include_err: bool | None = None,
    include_return_message_types: Annotated[list[MessageType] | None, Query()] = None,
    use_assistant_message: bool = True,
    assistant_message_tool_name: str = "send_message",
    assistant_message_tool_kwarg: str = "message",
) -> JSONResponse:
    """Messages of an agent. In descending order, the newest messages are selected, but listed oldest first."""
    presentation = Presentation(
        types_of(include_return_message_types),
        use_assistant_message,
        assistant_message_tool_name,
        assistant_message_tool_kwarg,
    )
    condition = MessageFilter(conversation_id=conversation_id, group_id=group_id, include_err=include_err)
    found = await database.read(listing.list_messages_of_agent, actor, agent_id, condition, page, presentation)
    return JSONResponse(found)


@router.patch("/agents/{agent_id}/messages/{message_id}", response_model=JsonObject)
async def modify(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, message_id: MessageId, change: ModifyMessage
) -> JSONResponse:
    """Change the text of a message. A turn in progress continues with the old text."""
    complete = await with_its_images(change)
    return JSONResponse(await database.run(modify_message, actor, agent_id, message_id, complete))


@router.get("/messages", response_model=list[JsonObject])
async def list_all_messages(
    actor: ActorDep,
    database: DatabaseDep,
    page: MessagesPage,
    conversation_id: str | None = None,
    include_return_message_types: Annotated[list[MessageType] | None, Query()] = None,
) -> JSONResponse:
    """Messages of all agents of the organization, newest first."""
    condition = MessageFilter(conversation_id=conversation_id)
    presentation = Presentation(types_of(include_return_message_types))
    return JSONResponse(await database.read(listing.list_messages, actor, condition, page, presentation))


@router.get("/messages/{message_id}", response_model=list[JsonObject])
async def retrieve_message(actor: ActorDep, database: DatabaseDep, message_id: MessageId) -> JSONResponse:
    """One stored message, as all the API messages that it consists of."""
    return JSONResponse(await database.read(listing.retrieve_message, actor, message_id))
