"""Agents' models as plain text generators."""

from fastapi import APIRouter

from letta.completions.generate import generate
from letta.completions.schemas import GenerateRequest, GenerateResponse
from letta.http.dependencies import ActorDep, ServerDep
from letta.http.parameters import AgentId

router = APIRouter(prefix="/v1", tags=["completions"])


@router.post("/agents/{agent_id}/generate", response_model=GenerateResponse)
async def generate_text(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: GenerateRequest
) -> GenerateResponse:
    """Ask the agent's model something, without the agent's memory. Nothing is stored."""
    return await generate(server, actor, agent_id, body)
