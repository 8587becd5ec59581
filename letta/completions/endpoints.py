"""Agents and their models as plain text generators."""

import re

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse

from letta.completions import chat_completions
from letta.completions.generate import generate
from letta.completions.schemas import ChatCompletionRequest, GenerateRequest, GenerateResponse
from letta.constants import DEFAULT_MAX_STEPS
from letta.database.ids import id_pattern
from letta.errors import NotFoundError
from letta.http import sse
from letta.http.dependencies import ActorDep, ServerDep
from letta.http.parameters import AgentId
from letta.runs.request import RunOptions, RunRequest, hash_body
from letta.settings import settings

router = APIRouter(prefix="/v1", tags=["completions"])

_AGENT_ID = re.compile(id_pattern("agent"))


@router.post("/agents/{agent_id}/generate", response_model=GenerateResponse)
async def generate_text(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: GenerateRequest
) -> GenerateResponse:
    """Ask the agent's model something, without the agent's memory; nothing is stored."""
    return await generate(server, actor, agent_id, body)


@router.post("/chat/completions", response_model=None)
async def create_chat_completion(
    request: Request, actor: ActorDep, server: ServerDep, body: ChatCompletionRequest
) -> Response:
    """OpenAI's chat completions with an agent (by its id) as the model. The agent keeps the history itself."""
    if not _AGENT_ID.match(body.model):
        raise NotFoundError(f"There is no agent '{body.model}'. Give the id of an agent as model.")
    run = RunRequest(
        agent_id=body.model,
        conversation_id=None,
        messages=list(chat_completions.new_messages(body)),
        options=RunOptions(
            max_steps=DEFAULT_MAX_STEPS, run_type="openai_chat_completions", stream_tokens=bool(body.stream)
        ),
        body_hash=hash_body(await request.json()),
        resent=request.headers.get("x-stainless-retry-count", "0") != "0",
    )
    view = await server.executor.start(actor, run)
    if not body.stream:
        return await chat_completions.completion(view, body)
    frames = sse.with_pings(chat_completions.chunks(view, body), sse.comment, settings.keepalive_interval)
    return StreamingResponse(frames, media_type=sse.CONTENT_TYPE, headers=sse.HEADERS)
