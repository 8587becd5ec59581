"""Operations on tools; those of an agent's tools are in the agents' room."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep
from letta.http.parameters import ToolId, page_reader
from letta.tools import repository, service
from letta.tools.repository import ToolFilter
from letta.tools.schemas import CreateTool, SourceCode, ToolResponse, ToolType, UpdateTool
from letta.tools.tool import Tool

router = APIRouter(prefix="/v1/tools", tags=["tools"])

ToolsPage = Annotated[Page, Depends(page_reader(limit=50, order="desc"))]
Texts = Annotated[list[str] | None, Query()]
Types = Annotated[list[ToolType] | None, Query()]


async def _filter(
    *,
    name: str | None = None,
    names: Texts = None,
    tool_ids: Texts = None,
    search: Annotated[str | None, Query(description="Part of the name, in any case.")] = None,
    tool_types: Types = None,
    exclude_tool_types: Types = None,
    return_only_letta_tools: bool = False,
) -> ToolFilter:
    return ToolFilter(
        name=name,
        names=names,
        tool_ids=tool_ids,
        search=search,
        tool_types=tool_types,
        exclude_tool_types=exclude_tool_types,
        only_letta=return_only_letta_tools,
    )


Filter = Annotated[ToolFilter, Depends(_filter)]


@router.get("", response_model=list[ToolResponse])
async def list_tools(actor: ActorDep, database: DatabaseDep, page: ToolsPage, condition: Filter) -> list[Tool]:
    """Tools of the organization, newest first."""
    return await database.read(repository.list_tools, actor, condition, page)


@router.get("/count", response_model=int)
async def count_tools(
    actor: ActorDep, database: DatabaseDep, condition: Filter, exclude_letta_tools: bool = False
) -> int:
    """How many tools there are."""
    return await database.read(repository.count_tools, actor, replace(condition, exclude_letta=exclude_letta_tools))


@router.post("", response_model=ToolResponse)
async def create_tool(actor: ActorDep, database: DatabaseDep, body: CreateTool) -> Tool:
    """Create a tool from its source; a tool of the same name is replaced and keeps its id."""
    return await database.run(service.upsert_tool, actor, body)


@router.put("", response_model=ToolResponse)
async def upsert_tool(actor: ActorDep, database: DatabaseDep, body: CreateTool) -> Tool:
    """Create a tool, or replace the one of the same name."""
    return await database.run(service.upsert_tool, actor, body)


@router.post("/add-base-tools", response_model=list[ToolResponse])
async def add_base_tools(actor: ActorDep, database: DatabaseDep) -> list[Tool]:
    """Bring the organization's built-in tools up to date."""
    return await database.run(service.add_base_tools, actor)


@router.post("/generate-schema")
async def generate_schema(_: ActorDep, body: SourceCode) -> dict[str, Any]:
    """The schema that a source would get. Nothing is stored."""
    return await asyncio.to_thread(service.describe, body.code, body.source_type or "python", None, None)


@router.get("/{tool_id}", response_model=ToolResponse)
async def retrieve_tool(actor: ActorDep, database: DatabaseDep, tool_id: ToolId) -> Tool:
    """One tool."""
    return await database.read(repository.get_tool, actor, tool_id)


@router.patch("/{tool_id}", response_model=ToolResponse)
async def modify_tool(actor: ActorDep, database: DatabaseDep, tool_id: ToolId, body: UpdateTool) -> Tool:
    """Change a tool. A changed source gets a new schema."""
    return await database.run(service.update_tool, actor, tool_id, body)


@router.delete("/{tool_id}")
async def delete_tool(actor: ActorDep, database: DatabaseDep, tool_id: ToolId) -> None:
    """Delete a tool; agents that hold it lose it."""
    await database.run(repository.delete_tool, actor, tool_id)
