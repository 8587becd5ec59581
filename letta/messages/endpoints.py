"""Sending messages to an agent, and reading them."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from letta.database.pagination import Page
from letta.errors import UnprocessableError
from letta.http import sse
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import AgentId, MessageId, page_parameters
from letta.messages import listing, repository
from letta.messages.repository import MessageFilter
from letta.messages.schemas import (
    LettaAsyncRequest,
    LettaRequest,
    LettaResponse,
    LettaStreamingRequest,
    MessageCreate,
    MessageType,
)
from letta.messages.wire import Presentation, to_wire
from letta.organizations.actor import Actor
from letta.runs import listing as runs_listing
from letta.runs.presentation import json_answer, ping, sse_frames
from letta.runs.request import RunOptions, RunRequest, hash_body
from letta.runs.schemas import CancelRequest, Run
from letta.server.server import SyncServer
from letta.settings import settings
from letta.turn.preview import preview_body, preview_turn

router = APIRouter(prefix="/v1", tags=["messages"])

JsonObject = dict[str, Any]
MessagesPage = Annotated[Page, page_parameters(limit=100, order="desc")]
RetryCount = Annotated[int, Header(alias="x-stainless-retry-count", include_in_schema=False)]
RequestId = Annotated[str | None, Header(alias="x-api-request-log-id", include_in_schema=False)]

_STREAM_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"model": LettaResponse, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


@router.post("/agents/{agent_id}/messages", response_model=None, responses=_STREAM_ANSWER)
async def create_message(
    request: Request,
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: LettaStreamingRequest,
    retry_count: RetryCount = 0,
    request_id: RequestId = None,
) -> Response:
    """Send messages to an agent and answer with its turn, as JSON or as a stream."""
    run = run_request(agent_id, body, await request.json(), retry_count, request_id)
    return await answer(server, actor, run, body)


@router.post("/agents/{agent_id}/messages/stream", response_model=None, responses=_STREAM_ANSWER)
async def stream_message(
    request: Request,
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: LettaStreamingRequest,
    retry_count: RetryCount = 0,
    request_id: RequestId = None,
) -> Response:
    """Deprecated: as creating a message with ``streaming``."""
    body.streaming = True
    run = run_request(agent_id, body, await request.json(), retry_count, request_id)
    return await answer(server, actor, run, body)


@router.post("/agents/{agent_id}/messages/async", response_model=Run)
async def create_message_async(
    request: Request,
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    body: LettaAsyncRequest,
    retry_count: RetryCount = 0,
    request_id: RequestId = None,
) -> Any:
    """Start a turn and answer at once with its run."""
    run = run_request(agent_id, body, await request.json(), retry_count, request_id)
    view = await server.executor.start(actor, run)
    return await server.database.read(runs_listing.retrieve_run, actor, view.run_id)


@router.post("/agents/{agent_id}/messages/preview-raw-payload")
async def preview_payload(
    request: Request, actor: ActorDep, server: ServerDep, agent_id: AgentId, body: LettaStreamingRequest
) -> JsonObject:
    """What the model would be sent; nothing is stored and no model is called."""
    run = run_request(agent_id, body, await request.json(), 0, None)
    turn = await server.database.discard(preview_turn, actor, run)
    return preview_body(turn, server.models)


@router.post("/agents/{agent_id}/messages/cancel")
async def cancel_messages(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: CancelRequest | None = None
) -> dict[str, str]:
    """Cancel runs of an agent: those that are named, or all that are active."""
    run_ids = body.run_ids if body and body.run_ids else None
    if run_ids is None:
        run_ids = await server.database.read(runs_listing.active_runs_of_agent, actor, agent_id)
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
    """Messages of an agent. In descending order the newest are selected, yet listed oldest first."""
    presentation = Presentation(
        _types(include_return_message_types),
        use_assistant_message,
        assistant_message_tool_name,
        assistant_message_tool_kwarg,
    )
    condition = MessageFilter(conversation_id=conversation_id, group_id=group_id, include_err=include_err)
    found = await database.read(listing.list_messages_of_agent, actor, agent_id, condition, page, presentation)
    return JSONResponse(found)


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
    presentation = Presentation(_types(include_return_message_types))
    return JSONResponse(await database.read(listing.list_messages, actor, condition, page, presentation))


@router.get("/messages/{message_id}", response_model=list[JsonObject])
async def retrieve_message(actor: ActorDep, database: DatabaseDep, message_id: MessageId) -> JSONResponse:
    """All messages of the API that one stored message stands for."""
    message = await database.read(repository.get_message, actor, message_id)
    return JSONResponse(to_wire([message]))


async def answer(server: SyncServer, actor: Actor, run: RunRequest, body: LettaStreamingRequest) -> Response:
    """Start the run and show it as the request wants."""
    presentation = presentation_of(body)
    view = await server.executor.start(actor, run)
    if not body.streaming:
        return await json_answer(view, presentation)
    frames = sse_frames(view, presentation, tokens=body.stream_tokens, pings=body.include_pings)
    return StreamingResponse(
        sse.with_pings(frames, ping=_ping(view.run_id, body), interval=settings.keepalive_interval),
        media_type=sse.CONTENT_TYPE,
        headers=sse.HEADERS,
    )


def _ping(run_id: str, body: LettaStreamingRequest) -> bytes:
    return sse.data(ping(run_id)) if body.include_pings else sse.COMMENT


def presentation_of(body: LettaRequest) -> Presentation:
    """How a request wants messages shown."""
    return Presentation(
        _types(body.include_return_message_types),
        body.use_assistant_message,
        body.assistant_message_tool_name,
        body.assistant_message_tool_kwarg,
    )


def _types(types: list[MessageType] | None) -> frozenset[str] | None:
    return None if types is None else frozenset(types)


def run_request(
    agent_id: str | None,
    body: LettaRequest,
    raw: JsonObject,
    retry_count: int,
    request_id: str | None,
    *,
    conversation_id: str | None = None,
) -> RunRequest:
    """The run that a request asks for.

    Raises:
        UnprocessableError: the list of messages is empty.
    """
    messages = body.messages
    if body.input is not None:
        messages = [MessageCreate(role="user", content=body.input)]
    if not messages:
        raise UnprocessableError("Messages must not be empty")
    return RunRequest(
        agent_id=agent_id,
        conversation_id=conversation_id,
        messages=messages,
        options=_options(body),
        body_hash=hash_body(raw),
        resent=retry_count > 0,
        request_id=request_id,
    )


def _options(body: LettaRequest) -> RunOptions:
    streaming = isinstance(body, LettaStreamingRequest) and body.streaming
    asynchronous = isinstance(body, LettaAsyncRequest)
    return RunOptions(
        max_steps=body.max_steps,
        run_type="send_message_async" if asynchronous else "streaming" if streaming else "send_message",
        stream_tokens=isinstance(body, LettaStreamingRequest) and streaming and body.stream_tokens,
        background=asynchronous or (isinstance(body, LettaStreamingRequest) and body.background),
        client_tools=[tool.model_dump() for tool in body.client_tools or ()],
        client_skills=[skill.model_dump() for skill in body.client_skills or ()],
        override_model=body.override_model,
        override_system=body.override_system,
        include_compaction_messages=body.include_compaction_messages,
        callback_url=body.callback_url if isinstance(body, LettaAsyncRequest) else None,
        request_config={
            "use_assistant_message": body.use_assistant_message,
            "assistant_message_tool_name": body.assistant_message_tool_name,
            "assistant_message_tool_kwarg": body.assistant_message_tool_kwarg,
            "include_return_message_types": body.include_return_message_types,
        },
    )
