"""Operations on agents themselves."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.agents import (
    changes,
    context,
    creation,
    models,
    repository,
    service,
)
from letta.agents.overview import ContextWindowOverview, context_overview
from letta.agents.parameters import AgentsPage, Filter, HeaderProject, Includes, OrderBy
from letta.agents.schemas import AgentState, CreateAgent, ResetMessages, UpdateAgent
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import AgentId

router = APIRouter(prefix="/v1/agents", tags=["agents"])

DryRun = Annotated[bool, Query(description="Only return the text; store nothing.")]
UpdateTimestamp = Annotated[
    bool,
    Query(
        description="Recompile even if only counts and the time have changed; this invalidates the provider's prompt "
        "cache."
    ),
]


@router.get("", response_model=list[AgentState])
async def list_agents(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    condition: Filter,
    page: AgentsPage,
    order_by: OrderBy,
    include: Includes,
) -> list[AgentState]:
    """Agents of the organization, newest first. Hidden agents, and those that the key can't access, are left out."""
    return await database.read(service.list_agents, actor, condition, page, order_by, include)


@router.post("", response_model=AgentState)
async def create_agent(actor: ActorDep, server: ServerDep, body: CreateAgent, project_id: HeaderProject) -> AgentState:
    """Create an agent with its memory blocks, tools and everything else it starts with."""
    catalog = await server.catalogs.whole(actor, body.model, body.embedding)
    await models.look_up(catalog, body)
    return await server.database.run(creation.create_agent, actor, catalog, body, project_id)


@router.get("/count", response_model=int)
async def count_agents(actor: ActorDep, database: DatabaseDep, condition: Filter) -> int:
    """The number of agents, without hidden ones and those that the key can't access."""
    return await database.read(repository.count_agents, actor, condition)


@router.get("/{agent_id}", response_model=AgentState)
async def retrieve_agent(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, include: Includes) -> AgentState:
    """One agent."""
    return await database.read(service.get_agent, actor, agent_id, include)


@router.patch("/{agent_id}", response_model=AgentState)
async def update_agent(actor: ActorDep, server: ServerDep, agent_id: AgentId, body: UpdateAgent) -> AgentState:
    """Change an agent. Omitted fields are kept; lists are replaced as a whole."""
    catalog = await server.catalogs.whole(actor, body.model, body.embedding)
    await models.look_up(catalog, body)
    changed = await server.database.run(changes.update_agent, actor, catalog, agent_id, body)
    if body.embedding is not None or body.embedding_config is not None:
        server.embedding.wake()
    return changed


@router.delete("/{agent_id}")
async def delete_agent(actor: ActorDep, server: ServerDep, agent_id: AgentId) -> dict[str, str]:
    """Delete an agent for good, with its history and its own archive. Its blocks, tools and folders are kept."""
    await server.database.run(service.delete_agent, actor, agent_id)
    server.indexer.deleted()
    return {"message": f"Agent id={agent_id} successfully deleted"}


@router.patch("/{agent_id}/reset-messages", response_model=AgentState)
async def reset_messages(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, body: ResetMessages) -> AgentState:
    """Empty the context. Old messages stay stored, listed and searchable."""
    return await database.run(
        context.reset_messages, actor, agent_id, add_default_initial_messages=body.add_default_initial_messages
    )


@router.post("/{agent_id}/recompile", response_model=str)
@router.post("/{agent_id}/system-prompt/recompile", response_model=str, deprecated=True)
async def recompile_agent(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    update_timestamp: UpdateTimestamp = False,
    dry_run: DryRun = False,
) -> str:
    """Recompile the system message and return its text."""
    return await database.run(context.recompile, actor, agent_id, dry_run=dry_run, update_timestamp=update_timestamp)


@router.get("/{agent_id}/context", response_model=ContextWindowOverview, deprecated=True)
async def retrieve_context(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    conversation_id: Annotated[str | None, Query(description="By default, the agent's default conversation.")] = None,
) -> ContextWindowOverview:
    """What fills the context window, with estimated token counts."""
    return await database.read(context_overview, actor, agent_id, conversation_id)
