"""Changing an agent: its own fields, and the sets of what it has."""

from collections.abc import Callable
from dataclasses import replace

from sqlalchemy import Connection

from letta.agents import context, defaults, relation_repository, repository, secret_repository
from letta.agents.agent import Agent
from letta.agents.compaction_settings import changed_compaction_settings, default_summarizer
from letta.agents.creation import add_sleeptime_agent
from letta.agents.models import changed_embedding_config, changed_llm_config, offers
from letta.agents.relations import ALL
from letta.agents.repository import AgentRow
from letta.agents.schemas import AgentState, UpdateAgent
from letta.agents.state import state
from letta.agents.validation import check_labels, check_rules, check_update
from letta.archives import repository as archives_repository
from letta.blocks import repository as blocks_repository
from letta.folders.attached import follow_folders, follow_limits
from letta.groups import repository as groups_repository
from letta.identities import repository as identities_repository
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.organizations.actor import Actor
from letta.tools import repository as tools_repository

_COPIED = ("name", "system", "timezone", "message_buffer_autoclear")
"""Fields that are taken over as they are sent, but never become null."""
_COPIED_OR_CLEARED = (
    "description",
    "metadata",
    "enable_sleeptime",
    "max_files_open",
    "per_file_view_window_char_limit",
    "hidden",
    "project_id",
    "template_id",
    "base_template_id",
    "last_run_completion",
    "last_run_duration_ms",
    "last_stop_reason",
)
"""Fields that are taken over as they are sent; null clears them."""


def update_agent(
    connection: Connection, actor: Actor, catalog: Catalog, agent_id: str, body: UpdateAgent
) -> AgentState:
    """Apply a client's changes to an agent and return it with all of its relations.

    Raises:
        NotFoundError: the agent, or something that the changes name, isn't there.
        InvalidArgumentError: a value can't be accepted.
        ConflictError: two blocks have the same label.
        BusyError: ``message_ids`` is to be set while a run is active.
        NotOfferedError: a field has no meaning on this server.
    """
    check_update(body)
    # Blocks are locked before agents everywhere, so that nobody waits in a circle.
    blocks = blocks_repository.get_blocks(connection, actor, _unique(body.block_ids), lock=True)
    check_labels(blocks)
    if body.enable_sleeptime and body.block_ids is None:
        blocks = blocks_repository.blocks_of_agent(connection, agent_id, lock=True)
    row = repository.lock_agent(connection, actor, agent_id)
    embedding_config, limits = row.agent.embedding_config, defaults.limits_of(row.agent)
    row.agent = _changed(catalog, row.agent, body)
    follow_limits(connection, row.agent, limits)
    if row.agent.embedding_config != embedding_config:
        archives_repository.follow_embedding(connection, agent_id, row.agent.embedding_config)
    _replace_relations(connection, actor, row, body)
    row.agent = repository.update_agent(connection, actor, row.agent)
    if body.message_ids is not None:
        context.set_context(connection, row, body.message_ids)
    context.refresh_system_message(connection, actor, row)
    if body.enable_sleeptime:
        add_sleeptime_agent(connection, actor, row.agent, blocks)
    return state(connection, row, ALL)


def _changed(catalog: Catalog, agent: Agent, body: UpdateAgent) -> Agent:
    sent = body.model_fields_set
    changes = {name: value for name in _COPIED if (value := getattr(body, name)) is not None}
    changes |= {name: getattr(body, name) for name in _COPIED_OR_CLEARED if name in sent}
    if body.response_format is not None:
        changes["response_format"] = body.response_format.model_dump()
    llm_config = changed_llm_config(catalog, agent.llm_config, agent.agent_type, body)
    if body.tool_rules is not None:
        changes["tool_rules"] = [rule.model_dump() for rule in body.tool_rules]
        check_rules(changes["tool_rules"], llm_config["model"])
    return replace(
        agent,
        llm_config=llm_config,
        embedding_config=changed_embedding_config(catalog, agent.embedding_config, body),
        compaction_settings=_compaction_settings(agent, llm_config, body, offers(catalog)),
        **changes,
    )


def _compaction_settings(
    agent: Agent, llm_config: JsonObject, body: UpdateAgent, known: Callable[[str], bool]
) -> JsonObject | None:
    """A summarizer that was there by default follows the agent's model."""
    settings, summarizer = agent.compaction_settings, default_summarizer(llm_config, known)
    if settings is not None and settings["model"] == default_summarizer(agent.llm_config, known):
        settings = settings | {"model": summarizer}
    if body.compaction_settings is None:
        return settings
    return changed_compaction_settings(settings, body.compaction_settings, summarizer)


def _replace_relations(connection: Connection, actor: Actor, row: AgentRow, body: UpdateAgent) -> None:
    agent_id = row.agent.id
    if body.tags is not None:
        row.tags = relation_repository.replace_tags(connection, actor, agent_id, body.tags)
    if body.block_ids is not None:
        relation_repository.replace_blocks(connection, agent_id, _unique(body.block_ids))
        groups_repository.share_with_sleeptime_agents(connection, agent_id, body.block_ids)
    if body.tool_ids is not None:
        tools = tools_repository.tools_by_ids(connection, actor, _unique(body.tool_ids))
        relation_repository.replace_tools(connection, agent_id, [tool.id for tool in tools])
        row.agent.tool_rules = row.agent.tool_rules + defaults.approval_rules(tools, row.agent.tool_rules)
    if body.identity_ids is not None:
        identity_ids = identities_repository.require_identities(connection, actor, body.identity_ids)
        identities_repository.replace_identities_of_agent(connection, agent_id, identity_ids)
    folder_ids = body.source_ids if body.folder_ids is None else body.folder_ids
    if folder_ids is not None:
        relation_repository.replace_folders(connection, actor, agent_id, _unique(folder_ids))
        follow_folders(connection, actor, row.agent, with_tools=body.tool_ids is None)
    secrets = body.tool_exec_environment_variables if body.secrets is None else body.secrets
    if secrets is not None:
        secret_repository.replace_secrets(connection, actor, agent_id, secrets)


def _unique(ids: list[str] | None) -> list[str]:
    return list(dict.fromkeys(ids or ()))
