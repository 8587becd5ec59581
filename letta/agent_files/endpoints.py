"""Operations on agent files."""

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Query, UploadFile
from fastapi.responses import Response

from letta.access.grants import Access
from letta.agent_files.export import export_agent
from letta.agent_files.importing import import_agents
from letta.agent_files.planning import ImportOptions, plan_import
from letta.agent_files.reading import check_depth, read_agent_file
from letta.agent_files.schemas import ExportAgentRequest, ImportedAgents
from letta.agents.parameters import HeaderProject
from letta.database.text import check_storable
from letta.errors import InvalidArgumentError
from letta.http.dependencies import ActorDep, PrincipalDep, ServerDep
from letta.http.parameters import AgentId
from letta.organizations.actor import Principal
from letta.server.server import SyncServer

router = APIRouter(prefix="/v1/agents", tags=["agents"])

_IMPORTS_AT_ONCE = asyncio.Semaphore(1)
"""A large file takes much memory and a connection for a while, so that turns shouldn't have to compete with several."""


_AGENT_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"type": "object"}}}, "description": "The agent file."}
}


class AgentFileResponse(Response):
    """An agent file, as JSON that people can read."""

    media_type = "application/json"


async def _export(
    server: SyncServer, principal: Principal, agent_id: str, request: ExportAgentRequest
) -> AgentFileResponse:
    catalog = await server.catalogs.whole(principal.actor)
    readable = principal.limited_to(Access.READ_AGENT, Access.READ_MESSAGES)
    text = await server.database.read(export_agent, principal.actor, catalog, agent_id, request, readable)
    return AgentFileResponse(text)


@router.get("/{agent_id}/export", response_class=AgentFileResponse, responses=_AGENT_FILE)
async def export_file(
    principal: PrincipalDep,
    server: ServerDep,
    agent_id: AgentId,
    conversation_id: Annotated[
        str | None,
        Query(description="Export the messages of this conversation instead of those of the default conversation."),
    ] = None,
    scrub_messages: Annotated[bool, Query(description="Leave all messages out.")] = False,
    use_legacy_format: Annotated[bool, Query(deprecated=True)] = False,
    max_steps: Annotated[int, Query(deprecated=True)] = 100,  # noqa: ARG001 - had a meaning in the legacy format
) -> AgentFileResponse:
    """The agent as a file that this server and others can import: settings, blocks, tools, folders and messages.

    Agents that look after its memory are in it as well, as far as the key opens them.
    """
    if use_legacy_format:
        raise InvalidArgumentError("Legacy format is not supported. Leave out 'use_legacy_format'.")
    request = ExportAgentRequest(conversation_id=conversation_id, scrub_messages=scrub_messages)
    return await _export(server, principal, agent_id, request)


@router.post("/{agent_id}/export", response_class=AgentFileResponse, responses=_AGENT_FILE)
async def export_file_with_skills(
    principal: PrincipalDep, server: ServerDep, agent_id: AgentId, body: ExportAgentRequest | None = None
) -> AgentFileResponse:
    """Export the agent as without a body, and include the client's skills in the file."""
    return await _export(server, principal, agent_id, body or ExportAgentRequest())


def _deprecated(instead: str | None = None) -> Any:
    return Form(description=instead, json_schema_extra={"deprecated": True})


async def _options(
    *,
    project: HeaderProject,
    name: Annotated[str | None, Form(description="Name of the (first) agent, instead of the one in the file.")] = None,
    override_existing_tools: Annotated[
        bool, Form(description="Whether tools in the file replace stored custom tools of the same name.")
    ] = True,
    strip_messages: Annotated[bool, Form(description="Leave all messages out.")] = False,
    secrets: Annotated[
        str | None, Form(description="JSON object of environment variables for the agents' tools.")
    ] = None,
    model: Annotated[str | None, Form(description="Handle of the model, instead of the one in the file.")] = None,
    embedding: Annotated[
        str | None, Form(description="Handle of the embedding model, instead of the one in the file.")
    ] = None,
    append_copy_suffix: Annotated[bool, _deprecated("Whether '_copy' is appended to the agents' names.")] = True,
    override_name: Annotated[str | None, _deprecated("Use name.")] = None,
    override_model_handle: Annotated[str | None, _deprecated("Use model.")] = None,
    override_embedding_handle: Annotated[str | None, _deprecated("Use embedding.")] = None,
    env_vars_json: Annotated[str | None, _deprecated("Use secrets.")] = None,
    project_id: Annotated[str | None, _deprecated("Use the header X-Project-Id.")] = None,
    x_override_embedding_model: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> ImportOptions:
    options = ImportOptions(
        name=name or override_name or None,
        append_copy_suffix=append_copy_suffix,
        override_existing_tools=override_existing_tools,
        strip_messages=strip_messages,
        secrets=_variables(env_vars_json, "env_vars_json") | _variables(secrets, "secrets"),
        model=model or override_model_handle or None,
        embedding=embedding or override_embedding_handle or x_override_embedding_model or None,
        project_id=project_id or project,
    )
    check_storable([options.name, dict(options.secrets), options.project_id], "The form")
    return options


def _variables(text: str | None, name: str) -> dict[str, str]:
    """Names and values out of a JSON text. Errors don't repeat it, since it is secret."""
    if not text:
        return {}
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidArgumentError(f"{name} is not valid JSON. Send a JSON object of names and values.") from None
    check_depth(given, name)
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise InvalidArgumentError(f"{name} must be a JSON object whose values are strings.")
    return given


@router.post("/import", response_model=ImportedAgents)
async def import_file(
    actor: ActorDep,
    server: ServerDep,
    file: Annotated[UploadFile, File(description="The agent file.")],
    options: Annotated[ImportOptions, Depends(_options)],
) -> ImportedAgents:
    """Create agents from an agent file. Either everything is stored, under new ids, or nothing."""
    async with _IMPORTS_AT_ONCE:
        read = await asyncio.to_thread(read_agent_file, await file.read())
        catalog = await server.catalogs.whole(actor, options.model, options.embedding)
        plan = await plan_import(catalog, actor, read, options)
        imported = await server.database.run(import_agents, actor, catalog, plan)
    server.files.wake()
    return imported
