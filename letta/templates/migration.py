"""Bringing an agent that was made after a template to another version of it, as one transaction."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from letta.agent_files.importing import store_tools_alone
from letta.agent_files.planning import ImportPlan, PlannedAgent
from letta.agents.changes import update_agent
from letta.agents.schemas import UpdateAgent
from letta.agents.secret_repository import secrets_of_agents
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.errors import NotFoundError
from letta.folders import repository as folders_repository
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.templates import repository
from letta.templates.schemas import SaveTemplate
from letta.templates.template import Instance, Template, Version

_TAKEN_OVER = (
    "system",
    "description",
    "model",
    "llm_config",
    "compaction_settings",
    "response_format",
    "message_buffer_autoclear",
    "max_files_open",
    "per_file_view_window_char_limit",
    "tool_rules",
)
"""Settings that agents take over from the version. Name, tags, identities, metadata and time zone stay their own."""


def migrate_agent(
    actor: Actor,
    catalog: Catalog,
    template: Template,
    version: Version,
    plan: ImportPlan,
    instance: Instance,
    how: SaveTemplate,
) -> Callable[[Connection], None]:
    """The unit that brings one agent to a version."""

    def migrate(connection: Connection) -> None:
        planned = _entry_of(plan, instance)
        if planned is None:
            return
        blocks = _reconciled(connection, actor, template, version, plan, planned, instance, how)
        changes: dict[str, Any] = {name: getattr(planned.body, name) for name in _TAKEN_OVER}
        changes = {name: value for name, value in changes.items() if value is not None}
        changes |= {"block_ids": blocks, "tool_ids": _tools(connection, actor, plan, planned)}
        changes |= {"template_id": version.id}
        if not how.preserve_sources_on_migration:
            changes["folder_ids"] = _folders(connection, actor, plan, planned)
        if not how.preserve_environment_variables_on_migration:
            changes["secrets"] = _secrets(connection, planned, instance)
        update_agent(connection, actor, catalog, instance.agent_id, UpdateAgent.model_validate(changes))

    return migrate


def sharing_folders(connection: Connection, actor: Actor, plan: ImportPlan) -> ImportPlan:
    """The plan, with its agents sharing those folders that are there already, by name, with the files in them."""
    shared: dict[str, str] = {}
    for file_id, folder in plan.folders.items():
        with suppress(NotFoundError):
            shared[file_id] = folders_repository.folder_id_by_name(connection, actor, folder.name)
    folders = {file_id: folder for file_id, folder in plan.folders.items() if file_id not in shared}
    files = {file_id: file for file_id, file in plan.files.files.items() if file.file.folder_id not in shared}
    return replace(plan, folders=folders, shared_folders=shared, files=replace(plan.files, files=files))


def _entry_of(plan: ImportPlan, instance: Instance) -> PlannedAgent | None:
    """What the version says of the agent; None where it has no such agent any more, which stays as it is."""
    by_id = {planned.entry.id: planned for planned in plan.agents}
    return by_id.get(instance.entry_id or plan.agents[0].entry.id)


def _tools(connection: Connection, actor: Actor, plan: ImportPlan, planned: PlannedAgent) -> list[str]:
    stored = store_tools_alone(connection, actor, plan)
    return [stored[each] for each in planned.entry.tool_ids or () if each in stored]


def _folders(connection: Connection, actor: Actor, plan: ImportPlan, planned: PlannedAgent) -> list[str]:
    """The folders of the version, which are shared, and made where they are missing."""
    named = {file_id: folder for file_id, folder in plan.folders.items() if file_id in planned.entry.folders}
    found: list[str] = []
    for folder in named.values():
        try:
            found.append(folders_repository.folder_id_by_name(connection, actor, folder.name))
        except NotFoundError:
            found.append(folders_repository.create_folder(connection, actor, folder).id)
    return found


def _secrets(connection: Connection, planned: PlannedAgent, instance: Instance) -> dict[str, str]:
    """The secrets that the version names. Where it has no value, as files have none, the agent's own stays."""
    own = {
        each.key: each.value for each in secrets_of_agents(connection, [instance.agent_id]).get(instance.agent_id, [])
    }
    return {name: value or own.get(name, "") for name, value in (planned.body.secrets or {}).items()}


def _reconciled(
    connection: Connection,
    actor: Actor,
    template: Template,
    version: Version,
    plan: ImportPlan,
    planned: PlannedAgent,
    instance: Instance,
    how: SaveTemplate,
) -> list[str]:
    """Bring the agent's blocks to those of the version. Returns the ids of all that it has then."""
    own = blocks_repository.blocks_of_agent(connection, instance.agent_id, lock=True)
    there = {block.label: block for block in own}
    wanted = [plan.blocks[each] for each in planned.entry.block_ids or () if each in plan.blocks]
    for block in wanted:
        if block.label in there:
            _bring(connection, actor, there[block.label], block, keep=how.preserve_core_memories_on_migration)
    new = blocks_repository.create_blocks(connection, actor, [each for each in wanted if each.label not in there])
    repository.note_origin_of_blocks(connection, template, version, [block.id for block in new])
    lost: set[str] = set()
    if how.block_reconciliation_strategy == "reconcile-all":
        labels = {block.label for block in wanted}
        gone = [each for each in own if each.base_template_id == template.id and each.label not in labels]
        lost = _take_away(connection, actor, instance.agent_id, gone)
    return [*(block.id for block in own if block.id not in lost), *(block.id for block in new)]


def _bring(connection: Connection, actor: Actor, own: Block, wanted: Block, *, keep: bool) -> None:
    """What a block is for follows the version; what it says does, unless the agent's own is to be kept."""
    changes: dict[str, Any] = {"description": wanted.description, "read_only": wanted.read_only, "limit": wanted.limit}
    if not keep and not own.preserve_on_migration:
        changes["value"] = wanted.value
    else:
        changes["limit"] = max(wanted.limit, len(own.value))
    blocks_repository.update_block(connection, actor, own.id, changes)


def _take_away(connection: Connection, actor: Actor, agent_id: str, gone: Sequence[Block]) -> set[str]:
    """Delete blocks that the version has no more, unless other agents have them as well."""
    ids = [block.id for block in gone]
    shared = repository.held_by_others(connection, agent_id, ids) if ids else set()
    for block_id in ids:
        if block_id not in shared:
            blocks_repository.delete_block(connection, actor, block_id)
    return set(ids)
