"""Making an agent: what was asked for, completed by defaults, stored in one transaction."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from letta.agents import defaults, relation_repository, repository, secret_repository
from letta.agents.agent import Agent
from letta.agents.agent_types import traits_of
from letta.agents.compaction_settings import compaction_settings_from, default_summarizer
from letta.agents.initial_messages import default_messages, given_messages
from letta.agents.models import embedding_config_of, llm_config_of, offers
from letta.agents.names import random_name
from letta.agents.prompts import system_prompt
from letta.agents.schemas import AgentState, CreateAgent
from letta.agents.sleeptime import sleeptime_agent, sleeptime_group, sleeptime_request
from letta.agents.state import LoadedAgent, to_state
from letta.agents.validation import check_basic_tools, check_create, check_labels, check_rules
from letta.blocks import repository as blocks_repository
from letta.blocks.block import Block
from letta.blocks.service import to_new_block
from letta.database.ids import new_id
from letta.errors import InvalidArgumentError, NotFoundError
from letta.folders import attached_repository
from letta.folders import repository as folders_repository
from letta.folders.attached import directories_section, follow_folders
from letta.groups import repository as groups_repository
from letta.groups.group import SLEEPTIME, Group
from letta.identities import repository as identities_repository
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.messages import repository as messages_repository
from letta.organizations.actor import Actor
from letta.system_message.shown import Shown
from letta.system_message.stored import begin_default
from letta.tools import repository as tools_repository
from letta.tools.tool import Tool


def create_agent(
    connection: Connection, actor: Actor, catalog: Catalog, body: CreateAgent, project_id: str | None = None
) -> AgentState:
    """Store a new agent with its blocks, tools and first messages, and return it with all of its relations.

    Args:
        project_id: the project where the request names none itself.

    Raises:
        InvalidArgumentError: a value can't be accepted, or a tool isn't there.
        NotFoundError: a model, block, tool or folder isn't there.
        ConflictError: two blocks have the same label.
        NotOfferedError: a field has no meaning on this server.
    """
    check_create(body)
    loaded = store_agent(connection, actor, body, new_agent(actor, catalog, body, project_id))
    loaded.message_ids = _start(connection, actor, body, loaded)
    if body.enable_sleeptime:
        loaded.group = add_sleeptime_agent(connection, actor, loaded.agent, loaded.blocks)
    return to_state(loaded)


def add_sleeptime_agent(connection: Connection, actor: Actor, main: Agent, blocks: Sequence[Block]) -> Group:
    """Make an agent that looks after the memory of another one, unless that has one. Returns the group of both.

    Args:
        blocks: those of the other one, which both share then; they are locked.

    Raises:
        NotOfferedError: a tool that such agents work with isn't there.
    """
    there = groups_repository.groups_of_managers(connection, [main.id]).get(main.id)
    if there is not None and there.manager_type == SLEEPTIME:
        return there
    body = sleeptime_request(blocks)
    loaded = store_agent(connection, actor, body, sleeptime_agent(main))
    _start(connection, actor, body, loaded)
    group = sleeptime_group(main, loaded.agent.id)
    groups_repository.insert_group(connection, actor, group)
    return group


def store_agent(
    connection: Connection, actor: Actor, body: CreateAgent, agent: Agent, rules: list[JsonObject] | None = None
) -> LoadedAgent:
    """Store an agent that was made of this request, with all but a conversation and its messages.

    Args:
        rules: all of its tool rules; without them, those of the request are completed as they are for new agents.
    """
    tools = _tools(connection, actor, body)
    agent.tool_rules = _rules(body, agent, tools) if rules is None else rules
    blocks = _blocks(connection, actor, body)
    agent = repository.insert_agent(connection, agent)
    loaded = LoadedAgent(agent, message_ids=[], blocks=blocks, tools=tools)
    _store_relations(connection, actor, body, loaded)
    return loaded


def new_agent(actor: Actor, catalog: Catalog, body: CreateAgent, project_id: str | None) -> Agent:
    """The agent that a request to create one describes, completed by defaults; it isn't stored yet."""
    llm_config = llm_config_of(catalog, body)
    summarizer = default_summarizer(llm_config, offers(catalog))
    return Agent(
        id=new_id("agent"),
        organization_id=actor.organization_id,
        name=body.name or random_name(),
        agent_type=body.agent_type,
        system=system_prompt(body.agent_type) if body.system is None else body.system,
        llm_config=llm_config,
        description=body.description,
        metadata=body.metadata,
        embedding_config=embedding_config_of(catalog, body),
        compaction_settings=compaction_settings_from(body.compaction_settings, summarizer),
        response_format=body.response_format.model_dump() if body.response_format else None,
        timezone=body.timezone or "UTC",
        message_buffer_autoclear=body.message_buffer_autoclear or traits_of(body.agent_type).forgets,
        enable_sleeptime=body.enable_sleeptime,
        max_files_open=body.max_files_open,
        per_file_view_window_char_limit=body.per_file_view_window_char_limit,
        hidden=True if defaults.HIDING_TAG in (body.tags or ()) else body.hidden,
        project_id=body.project_id or project_id,
        template_id=body.template_id,
        base_template_id=body.base_template_id,
        created_by_id=actor.user_id,
        last_updated_by_id=actor.user_id,
    )


def _tools(connection: Connection, actor: Actor, body: CreateAgent) -> list[Tool]:
    named, basic = body.tools or [], _basic_tools(body)
    wanted = list(dict.fromkeys([*named, *basic]))
    found = {tool.name: tool for tool in tools_repository.find_by_names(connection, actor, wanted)} if wanted else {}
    check_basic_tools(basic, found)
    if not found.keys() >= set(named):
        tools_repository.tools_by_names(connection, actor, named)
    try:
        chosen = tools_repository.tools_by_ids(connection, actor, body.tool_ids or [])
    except NotFoundError as error:
        raise InvalidArgumentError(f"tool_ids: {error.detail}") from error
    tools = [found[name] for name in wanted] + chosen
    return sorted({tool.id: tool for tool in tools}.values(), key=_age)


def _age(tool: Tool) -> tuple[float, str]:
    """Sorts tools in the order in which they are listed of a stored agent."""
    return (tool.created_at.timestamp() if tool.created_at else 0, tool.id)


def _basic_tools(body: CreateAgent) -> list[str]:
    names: list[str] = []
    if body.include_base_tools:
        names += defaults.base_tools(body.agent_type, enable_sleeptime=bool(body.enable_sleeptime))
    if body.include_multi_agent_tools:
        names += defaults.MULTI_AGENT_TOOLS
    return names


def _rules(body: CreateAgent, agent: Agent, tools: Sequence[Tool]) -> list[JsonObject]:
    rules = [rule.model_dump() for rule in body.tool_rules or ()]
    model_name = agent.llm_config["model"]
    check_rules(rules, model_name)
    wanted = body.include_base_tool_rules
    if wanted is None:
        wanted = bool(body.enable_sleeptime) or defaults.wants_base_rules(agent.agent_type, model_name, rules)
    if wanted:
        rules += defaults.base_rules(tools, rules)
    return rules + defaults.approval_rules(tools, rules)


def _blocks(connection: Connection, actor: Actor, body: CreateAgent) -> list[Block]:
    """The agent's blocks: its own ones, which are stored here, and those that it shares."""
    new = [_described(to_new_block(block)) for block in body.memory_blocks or ()]
    ids = list(dict.fromkeys(body.block_ids or ()))
    shared = blocks_repository.get_blocks(connection, actor, ids, lock=True)
    check_labels([*new, *shared])
    own = blocks_repository.create_blocks(connection, actor, new)
    return [*own, *blocks_repository.with_tags(connection, shared)]


def _described(block: Block) -> Block:
    return block if block.description else replace(block, description=defaults.BLOCK_DESCRIPTIONS.get(block.label))


def _store_relations(connection: Connection, actor: Actor, body: CreateAgent, loaded: LoadedAgent) -> None:
    agent_id = loaded.agent.id
    relation_repository.insert_blocks(connection, agent_id, [block.id for block in loaded.blocks])
    relation_repository.insert_tools(connection, agent_id, [tool.id for tool in loaded.tools])
    loaded.tags = relation_repository.insert_tags(connection, actor, agent_id, body.tags or ())
    secrets = (body.tool_exec_environment_variables or {}) | (body.secrets or {})
    loaded.secrets = secret_repository.insert_secrets(connection, actor, agent_id, secrets)
    if body.identity_ids:
        identity_ids = identities_repository.require_identities(connection, actor, body.identity_ids)
        identities_repository.replace_identities_of_agent(connection, agent_id, identity_ids)
        loaded.identities = identities_repository.identities_of_agents(connection, [agent_id]).get(agent_id, [])
    _attach_folders(connection, actor, loaded, [*(body.folder_ids or ()), *(body.source_ids or ())])


def _attach_folders(connection: Connection, actor: Actor, loaded: LoadedAgent, folder_ids: Sequence[str]) -> None:
    """Give an agent folders, their files and the tools for these."""
    if not folder_ids:
        return
    agent_id = loaded.agent.id
    relation_repository.insert_folders(connection, actor, agent_id, folder_ids)
    loaded.folders = folders_repository.folders_of_agents(connection, [agent_id]).get(agent_id, [])
    tools = [*loaded.tools, *follow_folders(connection, actor, loaded.agent)]
    loaded.tools = sorted({tool.id: tool for tool in tools}.values(), key=_age)
    loaded.files = attached_repository.all_attached(connection, [agent_id]).get(agent_id, [])


def _start(connection: Connection, actor: Actor, body: CreateAgent, loaded: LoadedAgent) -> list[str]:
    """Store the default conversation with its first messages and return their ids."""
    agent, given = loaded.agent, body.initial_message_sequence
    directories = directories_section(connection, agent) if loaded.folders else None
    system = begin_default(connection, actor, agent, Shown(loaded.blocks, directories))
    conversation_id = system.conversation_id
    following = (
        default_messages(agent, conversation_id) if given is None else given_messages(agent, conversation_id, given)
    )
    messages = [system, *following]
    messages_repository.insert_messages(connection, actor, messages)
    ids = [message.id for message in messages]
    messages_repository.append_to_context(connection, conversation_id, ids)
    return ids
