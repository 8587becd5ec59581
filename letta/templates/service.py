"""What is done with templates."""

import asyncio
import json
import re
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from letta.agent_files.export import export_agent
from letta.agent_files.importing import import_agents, store_tools_alone
from letta.agent_files.planning import ImportOptions, ImportPlan, plan_import
from letta.agent_files.reading import read_agent_file
from letta.agent_files.schemas import ExportAgentRequest
from letta.database.engine import Database
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.templates import repository
from letta.templates.file import checked, filled, name_in
from letta.templates.migration import migrate_agent, sharing_folders
from letta.templates.schemas import (
    CreateAgents,
    CreatedAgents,
    CreateTemplate,
    FromAgent,
    SaveTemplate,
    UpdateTemplate,
)
from letta.templates.template import Template, Version

_AS_IT_IS = ImportOptions(append_copy_suffix=False, override_existing_tools=False, strip_messages=True)
_UNFIT = re.compile(r"[^A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Templates:
    """All that is needed to work with them, for somebody."""

    database: Database
    catalog: Catalog
    actor: Actor

    async def create(self, body: CreateTemplate, project_id: str | None) -> Template:
        """A template after an agent, or of an agent file.

        Raises:
            NotFoundError: there is no such agent.
            InvalidArgumentError: it isn't an agent file.
            ConflictError: another template has the name.
        """
        if isinstance(body, FromAgent):
            request = ExportAgentRequest(scrub_messages=True)
            given = await self.database.read(export_agent, self.actor, self.catalog, body.agent_id, request)
            file = await asyncio.to_thread(lambda: checked(json.loads(given)))
        else:
            file = await asyncio.to_thread(checked, body.agent_file)
            if body.update_existing_tools:
                await self._update_tools(file)
        name = body.name or _UNFIT.sub("-", name_in(file)).strip("-")[:100] or "template"
        return await self.database.run(repository.insert_template, self.actor, name, None, project_id, file)

    async def update(self, name: str, body: UpdateTemplate) -> None:
        """Put another file in place of the working copy.

        Raises:
            NotFoundError: there is no such template.
            InvalidArgumentError: it isn't an agent file.
        """
        await self.database.read(repository.get_template, self.actor, name)
        file = await asyncio.to_thread(checked, body.agent_file_json)
        await self.database.run(self._replace, name, file, save=body.save_existing_changes)
        if body.update_existing_tools:
            await self._update_tools(file)

    async def save(self, name: str, body: SaveTemplate) -> Template:
        """Save the working copy as the next version, and bring agents to it if that is wanted.

        Each agent is changed at once, or not at all. Those that couldn't be, when the server was stopped meanwhile,
        are the next time.

        Raises:
            NotFoundError: there is no such template.
            InvalidArgumentError, ConflictError: an agent can't be brought to the version, which is saved all the same.
        """
        template, version, file = await self.database.run(self._save, name, body.message)
        if body.migrate_agents:
            instances = await self.database.read(repository.instances_of, self.actor, template, version)
            for instance in instances:
                plan = await self._plan(file, instance.memory_variables, _AS_IT_IS)
                unit = migrate_agent(self.actor, self.catalog, template, version, plan, instance, body)
                await self.database.run(unit)
        return template

    async def create_agents(self, template_version: str, body: CreateAgents) -> CreatedAgents:
        """Make agents after a version of a template.

        Raises:
            NotFoundError: there is no such template or version, or something that the agents are to have.
            InvalidArgumentError: a value can't be accepted.
        """
        name, _, wanted = template_version.partition(":")
        template, version, file = await self.database.read(self._find, name, wanted or "latest")
        options = replace(_AS_IT_IS, name=body.agent_name, secrets=body.tool_variables)
        plan = await self._plan(file, body.memory_variables, options)
        for planned in plan.agents:
            planned.body.tags = list(dict.fromkeys([*(planned.body.tags or ()), *(body.tags or ())]))
            planned.body.identity_ids = body.identity_ids
            planned.body.initial_message_sequence = body.initial_message_sequence
        return await self.database.run(self._deploy, template, version, plan, body)

    async def _plan(self, file: str, variables: dict[str, str], options: ImportOptions) -> ImportPlan:
        read = await asyncio.to_thread(filled, file, variables)
        return await plan_import(self.catalog, self.actor, read, options)

    async def _update_tools(self, file: str) -> None:
        options = ImportOptions(override_existing_tools=True, strip_messages=True)
        read = await asyncio.to_thread(read_agent_file, file.encode())
        plan = await plan_import(self.catalog, self.actor, read, options)
        await self.database.run(store_tools_alone, self.actor, plan)

    def _replace(self, connection: Connection, name: str, file: str, *, save: bool) -> None:
        template, current = repository.lock_template(connection, self.actor, name)
        if save and current != repository.find_version(connection, template, "latest")[1]:
            template, _ = repository.insert_version(connection, self.actor, template, current, message=None)
        repository.write_template(connection, self.actor, template, current=file)

    def _save(self, connection: Connection, name: str, message: str | None) -> tuple[Template, Version, str]:
        template, current = repository.lock_template(connection, self.actor, name)
        return *repository.insert_version(connection, self.actor, template, current, message), current

    def _find(self, connection: Connection, name: str, version: str) -> tuple[Template, Version, str]:
        template = repository.get_template(connection, self.actor, name)
        return template, *repository.find_version(connection, template, version)

    def _deploy(
        self, connection: Connection, template: Template, version: Version, plan: ImportPlan, body: CreateAgents
    ) -> CreatedAgents:
        sharing = sharing_folders(connection, self.actor, plan)
        made = import_agents(connection, self.actor, self.catalog, sharing)
        deployment_id = repository.insert_deployment(connection, self.actor, template, body.memory_variables)
        entries = {made_id: planned.entry.id for made_id, planned in zip(made.agent_ids, plan.agents, strict=True)}
        repository.note_origin(connection, template, version, deployment_id, entries)
        return CreatedAgents(agent_ids=made.agent_ids, deployment_id=deployment_id)


def roll_back(connection: Connection, actor: Actor, name: str, version: str) -> Version:
    """Make a saved version the working copy again.

    Raises:
        NotFoundError: there is no such template or version.
    """
    template, _ = repository.lock_template(connection, actor, name)
    found, file = repository.find_version(connection, template, version)
    repository.write_template(connection, actor, template, current=file)
    return found
