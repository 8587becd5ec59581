"""Operations on the tools of an agent.

Current official clients get no body when they attach or detach; others get the agent.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Query

from letta.agents import service
from letta.agents.parameters import CurrentSdk
from letta.agents.schemas import AgentState, ModifyApproval
from letta.database.pagination import Page
from letta.errors import UnprocessableError
from letta.http.dependencies import ActorDep, DatabaseDep, ServerDep
from letta.http.parameters import AgentId, ToolId, page_parameters
from letta.json_types import JsonObject
from letta.tools.schemas import ToolExecuteRequest, ToolExecutionResult, ToolResponse
from letta.tools.tool import Tool

router = APIRouter(prefix="/v1/agents/{agent_id}/tools", tags=["agents"])

ToolsPage = Annotated[Page, page_parameters(limit=10, order="desc")]
ToolName = Annotated[str, Path(description="Name of one of the agent's tools.")]


@router.get("", response_model=list[ToolResponse])
async def list_tools(actor: ActorDep, database: DatabaseDep, agent_id: AgentId, page: ToolsPage) -> list[Tool]:
    """The agent's tools, newest first."""
    return await database.read(service.list_tools, actor, agent_id, page)


@router.patch("/attach/{tool_id}", response_model=AgentState | None)
async def attach_tool(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, tool_id: ToolId, current_sdk: CurrentSdk
) -> AgentState | None:
    """Attach a tool to the agent."""
    return await database.run(service.attach_tool, actor, agent_id, tool_id, answer=not current_sdk)


@router.patch("/detach/{tool_id}", response_model=AgentState | None)
async def detach_tool(
    actor: ActorDep, database: DatabaseDep, agent_id: AgentId, tool_id: ToolId, current_sdk: CurrentSdk
) -> AgentState | None:
    """Detach a tool from the agent."""
    return await database.run(service.detach_tool, actor, agent_id, tool_id, answer=not current_sdk)


@router.post("/{tool_name}/run", response_model=ToolExecutionResult)
async def run_tool(
    actor: ActorDep, server: ServerDep, agent_id: AgentId, tool_name: ToolName, body: ToolExecuteRequest | None = None
) -> JsonObject:
    """Run one of the agent's custom tools, or one of an MCP server, with the agent's secrets."""
    tool = await server.database.read(service.get_runnable_tool, actor, agent_id, tool_name)
    ran = await server.custom_tools.run(actor, tool, body.args if body else {}, agent_id=agent_id)
    return {"status": ran.status, "func_return": ran.value, "stdout": ran.stdout, "stderr": ran.stderr}


@router.patch("/approval/{tool_name}", response_model=AgentState | None)
async def set_approval(
    *,
    actor: ActorDep,
    database: DatabaseDep,
    agent_id: AgentId,
    tool_name: ToolName,
    current_sdk: CurrentSdk,
    requires_approval: Annotated[bool | None, Query(description="Used if no body is sent.")] = None,
    body: ModifyApproval | None = None,
) -> AgentState | None:
    """Set whether calls of the tool need a person's approval."""
    required = body.requires_approval if body is not None else requires_approval
    if required is None:
        raise UnprocessableError("requires_approval is missing. Send it in the body.")
    return await database.run(
        service.set_approval, actor, agent_id, tool_name, required=required, answer=not current_sdk
    )
