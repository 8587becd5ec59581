"""What fills an agent's context window. Numbers of tokens are estimates (`letta.llm.tokens`)."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection

from letta.agents import repository
from letta.agents.agent import Agent
from letta.archives import passage_repository
from letta.blocks import repository as blocks_repository
from letta.blocks.section import render_blocks
from letta.conversations.repository import conversation_of_agent
from letta.folders.attached import directories_section
from letta.json_types import JsonObject
from letta.llm.tokens import estimate
from letta.messages import repository as messages_repository
from letta.messages.message import Message
from letta.messages.stored_form import StoredMessage, stored_form
from letta.organizations.actor import Actor
from letta.schema import Schema
from letta.system_message.compile import compile_system
from letta.system_message.facts import SystemFacts, facts_of
from letta.system_message.shown import Shown
from letta.tools import repository as tools_repository
from letta.tools.tool import Tool

_METADATA = "<memory_metadata>"


class ContextWindowOverview(Schema):
    """The parts of a context window, with estimated sizes in tokens."""

    context_window_size_max: int
    context_window_size_current: int
    num_messages: int
    num_archival_memory: int
    num_recall_memory: int
    num_tokens_external_memory_summary: int
    external_memory_summary: str
    num_tokens_system: int
    system_prompt: str
    num_tokens_core_memory: int
    core_memory: str
    num_tokens_memory_filesystem: int = 0
    memory_filesystem: str | None = None
    num_tokens_tool_usage_rules: int = 0
    tool_usage_rules: str | None = None
    num_tokens_directories: int = 0
    directories: str | None = None
    num_tokens_summary_memory: int
    summary_memory: str | None
    num_tokens_functions_definitions: int
    functions_definitions: list[JsonObject] | None
    num_tokens_messages: int
    messages: list[StoredMessage]


def context_overview(
    connection: Connection, actor: Actor, agent_id: str, conversation_id: str | None
) -> ContextWindowOverview:
    """What is in a conversation's context; the default one's unless another is named.

    Raises:
        NotFoundError: no such agent, or it has no such conversation.
    """
    agent = repository.get_agent(connection, actor, agent_id).agent
    conversation = conversation_of_agent(connection, agent_id, conversation_id)
    blocks = blocks_repository.blocks_of_agent(connection, agent_id)
    tools = tools_repository.tools_of_agent(connection, agent_id)
    context = messages_repository.context_of(connection, conversation.id)
    stored = messages_repository.count_of_agent(connection, agent_id)
    core_memory = render_blocks(agent.agent_type, agent.llm_config.get("model_endpoint_type"), blocks) or ""
    facts = facts_of(connection, agent_id, in_context=len(context), label=conversation.label)
    rules, metadata = _rules_and_metadata(agent, facts)
    directories = directories_section(connection, agent)
    functions = [_function(tool) for tool in tools]
    summary = next((message.text for message in context if message.role == "summary"), None)
    sizes = {
        "num_tokens_system": estimate(agent.system),
        "num_tokens_core_memory": estimate(core_memory),
        "num_tokens_external_memory_summary": estimate(metadata),
        "num_tokens_tool_usage_rules": estimate(rules or ""),
        "num_tokens_directories": estimate(directories or ""),
        "num_tokens_summary_memory": estimate(summary or ""),
        "num_tokens_functions_definitions": sum(estimate(json.dumps(function)) for function in functions),
        "num_tokens_messages": _size_of(context),
    }
    return ContextWindowOverview(
        context_window_size_max=agent.llm_config["context_window"],
        context_window_size_current=sum(sizes.values()),
        num_messages=len(context),
        num_archival_memory=passage_repository.count_of_agent(connection, agent_id),
        num_recall_memory=stored,
        external_memory_summary=metadata,
        system_prompt=agent.system,
        core_memory=core_memory,
        tool_usage_rules=rules,
        directories=directories,
        summary_memory=summary,
        functions_definitions=functions,
        messages=[stored_form(message) for message in context],
        **sizes,
    )


def _rules_and_metadata(agent: Agent, facts: SystemFacts) -> tuple[str | None, str]:
    """The sections of the system message that follow the blocks."""
    rules, start, metadata = compile_system(agent, Shown([]), facts, system="").rpartition(_METADATA)
    return rules.strip() or None, start + metadata


def _function(tool: Tool) -> JsonObject:
    schema = {name: tool.json_schema.get(name) for name in ("name", "description", "parameters")}
    return {"type": "function", "function": schema | {"strict": None}}


def _size_of(context: Sequence[Message]) -> int:
    """Tokens of the messages that have no place of their own in the overview."""
    counted = (message for message in context if message.role not in {"system", "summary"})
    return sum(estimate(json.dumps([m.content, m.tool_calls, m.tool_returns], ensure_ascii=False)) for m in counted)
