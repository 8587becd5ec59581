"""Operations on an agent's archival memory, and on which archive it has."""

from typing import Annotated

from fastapi import APIRouter, Query

from letta.agents import context
from letta.agents import repository as agents_repository
from letta.archives import deleted_repository, passage_repository, repository, service
from letta.archives.schemas import (
    ArchivalSearchResponse,
    CreateArchivalMemory,
    PassageResponse,
    TagMatchMode,
)
from letta.database.pagination import Page
from letta.errors import UnprocessableError
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import After, AgentId, Before, Limit
from letta.memory_tools.archival import MOST_RESULTS, archival_results, archival_search
from letta.memory_tools.errors import ToolError

router = APIRouter(prefix="/v1/agents/{agent_id}", tags=["agents"])

Moment = Annotated[
    str | None,
    Query(
        description="Date or time in ISO format, in the agent's time zone unless it names one. An end date is "
        "inclusive."
    ),
]


@router.patch("/archives/attach/{archive_id}", response_model=None)
async def attach_archive(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, archive_id: str) -> None:
    """Attach an archive to the agent, which can have only one."""
    await database.run(repository.attach_archive, actor, agent_id, archive_id)


@router.patch("/archives/detach/{archive_id}", response_model=None)
async def detach_archive(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, archive_id: str) -> None:
    """Detach an archive from the agent; the archive itself is kept."""
    await database.run(repository.detach_archive, actor, agent_id, archive_id)


@router.get("/archival-memory", response_model=list[PassageResponse])
async def list_passages(
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    after: After = None,
    before: Before = None,
    limit: Limit = 100,
    search: Annotated[str | None, Query(description="Only passages that contain this text.")] = None,
    ascending: Annotated[bool | None, Query(description="Whether the oldest passages come first.")] = True,
) -> list[PassageResponse]:
    """The passages in the agent's archive, by creation time."""
    page = Page(limit=limit, before=before, after=after, order="desc" if ascending is False else "asc")
    found = await database.read(passage_repository.list_passages_of_agent, actor, agent_id, page, search)
    return [service.to_response(passage) for passage in found]


@router.post("/archival-memory", response_model=list[PassageResponse])
async def create_passage(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, body: CreateArchivalMemory
) -> list[PassageResponse]:
    """Store a passage in the agent's archive, which is created if there is none."""
    new = [service.new_passage(body)]
    stored = await server.archival.insert_for_agent(actor, agent_id, new, context.refresh_counts)
    return [service.to_response(passage) for passage in stored]


@router.get("/archival-memory/search", response_model=ArchivalSearchResponse)
async def search_passages(
    actor: ActorDep,
    server: ServerDep,
    agent_id: AgentId,
    query: Annotated[str, Query(description="What to look for, in natural language.")],
    tags: Annotated[list[str] | None, Query(description="Only passages with these tags.")] = None,
    tag_match_mode: TagMatchMode = "any",
    top_k: Annotated[
        int | None, Query(ge=1, le=MOST_RESULTS, description="Most results to return; 5 by default.")
    ] = None,
    start_datetime: Moment = None,
    end_datetime: Moment = None,
) -> ArchivalSearchResponse:
    """Search the agent's archive by meaning and by keywords. A blank query finds nothing."""
    agent = (await server.database.read(agents_repository.get_agent, actor, agent_id)).agent
    try:
        search = archival_search(agent.timezone, query, tags, tag_match_mode, top_k, start_datetime, end_datetime)
    except ToolError as error:
        raise UnprocessableError(str(error)) from error
    found = [] if search is None else await server.archival.find_for_agent(actor, agent_id, search)
    results = archival_results(found, agent.timezone, timespec="auto")
    return ArchivalSearchResponse.model_validate({"results": results, "count": len(results)})


@router.delete("/archival-memory/{memory_id}")
async def delete_passage(actor: ActorDep, server: ServerDep, agent_id: AgentId, memory_id: str) -> dict[str, str]:
    """Delete a passage from the agent's archive. It can be restored for some days."""
    keep = server.settings.deleted_passages_days > 0
    await server.database.run(deleted_repository.delete_passage_of_agent, actor, agent_id, memory_id, keep=keep)
    return {"message": f"Memory id={memory_id} successfully deleted"}
