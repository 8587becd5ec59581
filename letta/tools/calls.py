"""One call of a custom tool: arguments fitted, the agent's secrets and state fetched, the outcome put into words."""

import asyncio
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from letta.agents import service as agents_service
from letta.agents.relations import Relation
from letta.agents.secret_repository import secret_values
from letta.database.engine import Database
from letta.database.text import storable
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.sandbox.arguments import ArgumentError, fitted
from letta.sandbox.errors import SourceError
from letta.sandbox.execution import ClientAccess, Execution, Outcome, failed
from letta.sandbox.needs import Needs, needs_of
from letta.sandbox.run_tokens import Holder
from letta.sandbox.sandbox import Sandbox
from letta.sandbox_configs.repository import variables_of_tools
from letta.tools.tool import Tool

_ERROR_LIMIT = 1000
_NO_AGENT = "the tool is not run for an agent. Run it as one of an agent's tools"
_GIVEN_AGENT = frozenset({Relation.BLOCKS, Relation.TOOLS, Relation.TAGS, Relation.SOURCES})


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What a call of a tool came to. ``value`` is what was returned, as JSON where it has a counterpart there."""

    status: str
    text: str
    value: Any = None
    stdout: list[str] = field(default_factory=list)
    stderr: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What an agent and its organization give to tools."""

    environment: dict[str, str]
    agent_state: JsonObject | None


class ToolCaller:
    """Calls one tool."""

    def __init__(self, database: Database, sandbox: Sandbox, actor: Actor, tool: Tool) -> None:
        self._database = database
        self._sandbox = sandbox
        self._actor = actor
        self._tool = tool

    async def call(self, arguments: JsonObject, agent_id: str | None, environment: Mapping[str, str]) -> ToolRun:
        """What the call comes to; see `letta.tools.running.CustomTools.run`."""
        tool = self._tool
        if problem := _unsuited(tool):
            return _told(tool.name, failed(problem))
        try:
            needs = await asyncio.to_thread(needs_of, tool.source_code or "", tool.name)
            suitable = fitted(arguments, tool.json_schema.get("parameters") or {})
        except SourceError as error:
            return _told(tool.name, failed(f"SyntaxError: {error.detail}"))
        except ArgumentError as error:
            return _told(tool.name, failed(f"TypeError: {error}. Call again with correct arguments."))
        around = await self._database.read(_surroundings, self._actor, agent_id, state=needs.agent_state)
        given = _identity(agent_id, tool) | around.environment | dict(environment)
        return _told(tool.name, await self._execute(needs, suitable, given, around.agent_state, agent_id))

    async def _execute(
        self,
        needs: Needs,
        arguments: JsonObject,
        environment: dict[str, str],
        agent_state: JsonObject | None,
        agent_id: str | None,
    ) -> Outcome:
        with ExitStack() as stack:
            access = None
            if agent_id is not None:
                token = stack.enter_context(self._sandbox.tokens.issued(Holder(agent_id, self._actor)))
                access = ClientAccess(self._sandbox.base_url, token)
                if "LETTA_API_KEY" not in environment:
                    environment = {"LETTA_API_KEY": token, "LETTA_BASE_URL": access.base_url} | environment
            return await self._sandbox.run(
                Execution(
                    source=self._tool.source_code or "",
                    function=needs.function,
                    arguments=arguments,
                    environment=environment,
                    seconds=self._sandbox.seconds,
                    agent_state=agent_state,
                    client=access if needs.client else None,
                    client_problem=_NO_AGENT if needs.client and access is None else None,
                    pip_requirements=self._tool.pip_requirements or [],
                )
            )


def _surroundings(connection: Connection, actor: Actor, agent_id: str | None, *, state: bool) -> _Surroundings:
    environment = variables_of_tools(connection, actor)
    if agent_id is None:
        return _Surroundings(environment, None)
    environment |= secret_values(connection, agent_id)
    if not state:
        return _Surroundings(environment, None)
    agent = agents_service.get_agent(connection, actor, agent_id, _GIVEN_AGENT)
    return _Surroundings(environment, agent.model_dump(mode="json"))


def _identity(agent_id: str | None, tool: Tool) -> dict[str, str]:
    known = {"LETTA_AGENT_ID": agent_id, "LETTA_PROJECT_ID": tool.project_id, "LETTA_TOOL_ID": tool.id}
    return {name: value for name, value in known.items() if value}


def _unsuited(tool: Tool) -> str | None:
    if tool.source_type == "typescript":
        return "RuntimeError: this server only runs Python tools. Write the tool in Python."
    return None


def _told(name: str, outcome: Outcome) -> ToolRun:
    stdout, stderr = _lines(outcome.stdout), _lines(outcome.stderr)
    if outcome.error is not None:
        text = f"Error executing function {name}: {outcome.error}"[:_ERROR_LIMIT]
        return ToolRun("error", storable(text), None, stdout, stderr or [storable(text)])
    return ToolRun("success", storable(outcome.text or ""), storable(outcome.value), stdout, stderr)


def _lines(text: str) -> list[str]:
    return [storable(text)] if text else []
