"""Operations on tools; those of an agent's tools are in the agents' room."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from letta.database.pagination import Page
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import ToolId, page_reader
from letta.json_types import JsonObject
from letta.tools import generating, repository, search, service
from letta.tools.generating import GeneratedTool, GenerateToolRequest
from letta.tools.repository import ToolFilter
from letta.tools.schemas import (
    CreateTool,
    SourceCode,
    ToolResponse,
    ToolRunFromSource,
    ToolRunMessage,
    ToolSearchRequest,
    ToolSearchResult,
    ToolType,
    UpdateTool,
)
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
    search: Annotated[
        str | None, Query(description="Part of the name; upper and lower case are treated alike.")
    ] = None,
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
    """The number of tools."""
    return await database.read(repository.count_tools, actor, replace(condition, exclude_letta=exclude_letta_tools))


@router.post("", response_model=ToolResponse)
async def create_tool(actor: ActorDep, database: DatabaseDep, body: CreateTool) -> Tool:
    """Create a tool from its source code. A tool of the same name is replaced and keeps its id."""
    return await database.run(service.upsert_tool, actor, body)


@router.put("", response_model=ToolResponse)
async def upsert_tool(actor: ActorDep, database: DatabaseDep, body: CreateTool) -> Tool:
    """Create a tool, or replace the one with the same name."""
    return await database.run(service.upsert_tool, actor, body)


@router.post("/add-base-tools", response_model=list[ToolResponse])
async def add_base_tools(actor: ActorDep, database: DatabaseDep) -> list[Tool]:
    """Bring the organization's built-in tools up to date."""
    return await database.run(service.add_base_tools, actor)


@router.post("/generate-schema")
async def generate_schema(_: ActorDep, body: SourceCode) -> dict[str, Any]:
    """The JSON schema derived from source code. Nothing is stored."""
    return await asyncio.to_thread(service.describe, body.code, body.source_type or "python", None, None)


@router.post("/generate-tool", response_model=GeneratedTool)
async def generate_tool(actor: ActorDep, server: ServerDep, body: GenerateToolRequest) -> GeneratedTool:
    """Let a model write a tool. Nothing is stored; review the result, then create the tool with it."""
    return await generating.generate_tool(server.catalog, actor, body)


@router.post("/run", response_model=ToolRunMessage)
async def run_tool_from_source(actor: ActorDep, server: ServerDep, body: ToolRunFromSource) -> JsonObject:
    """Run source code once, in the sandbox for custom tools. Nothing is stored."""
    tool = await asyncio.to_thread(service.passing_tool, body)
    ran = await server.custom_tools.run(actor, tool, body.args, environment=body.env_vars)
    shown = {"tool_return": ran.text, "status": ran.status, "stdout": ran.stdout, "stderr": ran.stderr}
    return shown | {"name": body.name, "date": datetime.now(UTC), "tool_returns": [shown]}


@router.post("/search", response_model=list[ToolSearchResult])
async def search_tools(actor: ActorDep, database: DatabaseDep, body: ToolSearchRequest) -> list[ToolSearchResult]:
    """Find tools by what they are for."""
    return await database.read(search.find_tools, actor, body)


@router.get("/{tool_id}", response_model=ToolResponse)
async def retrieve_tool(actor: ActorDep, database: DatabaseDep, tool_id: ToolId) -> Tool:
    """One tool."""
    return await database.read(repository.get_tool, actor, tool_id)


@router.patch("/{tool_id}", response_model=ToolResponse)
async def modify_tool(actor: ActorDep, database: DatabaseDep, tool_id: ToolId, body: UpdateTool) -> Tool:
    """Change a tool. Changed source code gets a new schema."""
    return await database.run(service.update_tool, actor, tool_id, body)


@router.delete("/{tool_id}")
async def delete_tool(actor: ActorDep, database: DatabaseDep, tool_id: ToolId) -> None:
    """Delete a tool. It is detached from all agents."""
    await database.run(repository.delete_tool, actor, tool_id)
