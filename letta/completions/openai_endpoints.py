"""OpenAI's API with agents as models, for whatever software speaks it. The base URL is ``/openai/v1``."""

import re
from contextlib import ExitStack
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import JSONResponse, Response

from letta.access.grants import Access
from letta.completions import chat_completions, repository, response_events, responses
from letta.completions.asking import asked
from letta.completions.background_tasks import answer_background_task, is_background_task
from letta.completions.chosen_conversation import conversation_of_response, name_in
from letta.completions.incoming import check_chat, check_response, said_in_chat, said_in_response
from letta.completions.input_items import input_items, page_of
from letta.completions.models import MOST_MODELS, agent_id_of, find_model, naming_the_model
from letta.completions.schemas import ChatCompletionRequest, OpenAIModel, OpenAIModelList, ResponsesRequest
from letta.completions.stored_responses import stored_response
from letta.database.ids import id_pattern
from letta.database.pagination import Order
from letta.errors import NotFoundError
from letta.http import sse
from letta.http.dependencies import ActorDep, DatabaseDep, PrincipalDep, ServerDep
from letta.json_types import JsonObject
from letta.messages.sending import Queued, Sending, SendingDep
from letta.organizations.actor import Actor
from letta.runs.run_repository import delete_run
from letta.server.server import SyncServer
from letta.settings import settings

router = APIRouter(tags=["openai"])

ModelName = Annotated[str, Path(description="Id of an agent, or its name if it is unique.")]


@router.get("/openai/v1/models", response_model=OpenAIModelList)
async def list_openai_models(principal: PrincipalDep, database: DatabaseDep) -> OpenAIModelList:
    """The agents as models in OpenAI's format, newest first, without those that are hidden or closed to the key."""
    grants = principal.grants
    only = None if grants is None or Access.READ_AGENT in grants.everywhere else grants.agents.keys()
    return OpenAIModelList(data=await database.read(repository.list_models, principal.actor, MOST_MODELS, only))


@router.get("/openai/v1/models/{model_id}", response_model=OpenAIModel)
async def retrieve_openai_model(actor: ActorDep, database: DatabaseDep, model_id: ModelName) -> OpenAIModel:
    """One agent as a model in OpenAI's format."""
    return await find_model(database, actor, model_id)


@router.post("/openai/v1/chat/completions", response_model=None)
@router.post("/v1/chat/completions", response_model=None)
async def create_chat_completion(
    request: Request,
    principal: PrincipalDep,
    server: ServerDep,
    sending: SendingDep,
    body: ChatCompletionRequest,
    queue: Queued = False,
) -> Response:
    """OpenAI's chat completions, with an agent as the model. The agent keeps the history itself."""
    check_chat(body)
    actor = principal.actor
    agent_id = await agent_id_of(server.database, actor, body.model)
    conversation = name_in(request.headers, body.metadata)
    async with naming_the_model(server.database, actor, body.model):
        if is_background_task(body, conversation):
            return await answer_background_task(server, principal, agent_id, body)
        return await _complete(server, actor, body, agent_id, conversation, sending, queue=queue)


async def _complete(
    server: SyncServer,
    actor: Actor,
    body: ChatCompletionRequest,
    agent_id: str,
    conversation: str | None,
    sending: Sending,
    *,
    queue: bool,
) -> Response:
    said = said_in_chat(body)
    with ExitStack() as reading:
        reading.enter_context(server.readers.place())
        wanted = await asked(server, actor, agent_id, conversation, body)
        run = await sending.mark(wanted.run(body, said, "openai_chat_completions"))
        view = await server.executor.start(actor, run, queue=queue)
        if not body.stream:
            return await chat_completions.completion(view, body, wanted.pieces(view))
        frames = chat_completions.chunks(view, body, wanted.pieces(view))
        pinged = sse.with_pings(frames, sse.comment, settings.keepalive_interval)
        return sse.Stream(pinged, reading.pop_all().close)


@router.post("/openai/v1/responses", response_model=None)
@router.post("/v1/responses", response_model=None)
async def create_response(
    request: Request,
    actor: ActorDep,
    server: ServerDep,
    sending: SendingDep,
    body: ResponsesRequest,
    queue: Queued = False,
) -> Response:
    """OpenAI's responses, with an agent as the model. The id of a response is that of its run."""
    check_response(body)
    agent_id = await agent_id_of(server.database, actor, body.model)
    async with naming_the_model(server.database, actor, body.model):
        conversation = await _named(server, actor, agent_id, body, name_in(request.headers, body.metadata))
        return await _respond(server, actor, body, agent_id, conversation, sending, queue=queue)


async def _named(
    server: SyncServer, actor: Actor, agent_id: str, body: ResponsesRequest, otherwise: str | None
) -> str | None:
    if body.previous_response_id is not None:
        return await conversation_of_response(server, actor, agent_id, body.previous_response_id)
    if body.conversation is not None:
        return body.conversation if isinstance(body.conversation, str) else body.conversation.id
    return otherwise


async def _respond(
    server: SyncServer,
    actor: Actor,
    body: ResponsesRequest,
    agent_id: str,
    conversation: str | None,
    sending: Sending,
    *,
    queue: bool,
) -> Response:
    said = said_in_response(body)
    with ExitStack() as reading:
        reading.enter_context(server.readers.place())
        wanted = await asked(server, actor, agent_id, conversation, body)
        run = await sending.mark(wanted.run(body, said, "openai_responses"))
        view = await server.executor.start(actor, run, queue=queue)
        head = responses.head_of(body, view.run_id, wanted.conversation_id)
        if body.stream:
            frames = response_events.events(view, head, wanted.pieces(view))
            pinged = sse.with_pings(frames, sse.comment, settings.keepalive_interval)
            return sse.Stream(pinged, reading.pop_all().close)
        if body.background:
            return JSONResponse(head.with_status("in_progress"))
        return await responses.response(view, head, wanted.pieces(view))


async def _response_id(
    response_id: Annotated[
        str,
        Path(
            description="Id of the response, which is that of its run.",
            examples=["run-123e4567-e89b-42d3-8456-426614174000"],
        ),
    ],
) -> str:
    """The id, if it can be one of ours. Clients may send ids of OpenAI's own: unknown here, but not malformed."""
    if not re.fullmatch(id_pattern("run"), response_id):
        raise NotFoundError(f"There is no response '{response_id[:200]}'.")
    return response_id


ResponseId = Annotated[str, Depends(_response_id)]


@router.get("/openai/v1/responses/{response_id}")
@router.get("/v1/responses/{response_id}")
async def retrieve_response(actor: ActorDep, database: DatabaseDep, response_id: ResponseId) -> JsonObject:
    """A response, from what is stored of its run. A response in progress is shown as far as it has come."""
    return await database.read(stored_response, actor, response_id)


@router.delete("/openai/v1/responses/{response_id}")
@router.delete("/v1/responses/{response_id}")
async def delete_response(actor: ActorDep, database: DatabaseDep, response_id: ResponseId) -> JsonObject:
    """Delete a response that has ended, and its run. The messages stay in the agent's history."""
    await database.run(delete_run, actor, response_id)
    return {"id": response_id, "object": "response", "deleted": True}


@router.get("/openai/v1/responses/{response_id}/input_items")
@router.get("/v1/responses/{response_id}/input_items")
async def list_input_items(
    actor: ActorDep,
    database: DatabaseDep,
    response_id: ResponseId,
    after: Annotated[str | None, Query(max_length=255, description="Only items after the one with this id.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Most items to return.")] = 20,
    order: Annotated[Order, Query(description="Which end of the list comes first.")] = "desc",
) -> JsonObject:
    """The input that the agent received for a response, without earlier answers that the client sent along."""
    items = await database.read(input_items, actor, response_id)
    return page_of(items if order == "asc" else items[::-1], after, limit)


@router.post("/openai/v1/responses/{response_id}/cancel")
@router.post("/v1/responses/{response_id}/cancel")
async def cancel_response(actor: ActorDep, server: ServerDep, response_id: ResponseId) -> JsonObject:
    """Cancel the turn behind a response, and return the response."""
    before = await server.database.read(stored_response, actor, response_id)
    if before["status"] == "in_progress":
        await server.executor.cancel(actor, [response_id])
        await server.executor.ended(response_id, seconds=5)
    return await server.database.read(stored_response, actor, response_id)
