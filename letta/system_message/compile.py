"""The system message: the agent's prompt and what its rooms have to say, then counts and times.

Counts and times are those of the moment of compilation. The message is compiled anew only when something else in it
has changed, so that providers can cache the prefix of the context from turn to turn.
"""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from letta.agents.agent import Agent
from letta.blocks.section import render_blocks
from letta.json_types import JsonObject
from letta.system_message.facts import MOST_COUNTED, SystemFacts
from letta.system_message.rules import describe
from letta.system_message.shown import Shown
from letta.system_message.times import format_time

_PLACEHOLDER = "{CORE_MEMORY}"


def compile_system(agent: Agent, shown: Shown, facts: SystemFacts, *, system: str | None = None) -> str:
    """The whole text of an agent's system message. ``system`` stands in for the agent's own prompt."""
    memory = f"{_sections(agent, shown)}\n\n{_metadata(agent, facts)}".strip()
    prompt = agent.system if system is None else system
    if _PLACEHOLDER in prompt:
        return prompt.replace(_PLACEHOLDER, memory)
    return f"{prompt}\n\n{memory}"


def system_digest(agent: Agent, shown: Shown) -> str:
    """Changes whenever the system message has to be compiled anew."""
    text = f"{agent.system}\0{agent.timezone}\0{_sections(agent, shown)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _sections(agent: Agent, shown: Shown) -> str:
    blocks = render_blocks(agent.agent_type, agent.llm_config.get("model_endpoint_type"), shown.blocks)
    sections = (blocks, _tool_rules(agent.tool_rules), shown.directories)
    return "\n\n".join(section for section in sections if section)


def _tool_rules(rules: Sequence[JsonObject]) -> str | None:
    sentences = describe(rules)
    if not sentences:
        return None
    shown = "\n".join(f"<tool_rule>\n{sentence}\n</tool_rule>" for sentence in sentences)
    return f"<tool_usage_rules>\nYour tool calls have to follow these rules:\n\n{shown}\n</tool_usage_rules>"


def _metadata(agent: Agent, facts: SystemFacts) -> str:
    compiled_at = facts.compiled_at or datetime.now(UTC)
    lines = [
        f"- AGENT_ID: {agent.id}",
        f"- CONVERSATION_ID: {facts.conversation_label}",
        f"- System prompt last recompiled: {format_time(compiled_at, agent.timezone)}",
        f"- {_counted(facts.recall_count)} earlier messages are in recall memory (find them with conversation_search)",
    ]
    if facts.archival_count:
        lines.append(
            f"- {_counted(facts.archival_count)} entries are in archival memory (find them with archival_memory_search)"
        )
    return "\n".join(["<memory_metadata>", *lines, "</memory_metadata>"])


def _counted(count: int) -> str:
    return f"{count} or more" if count >= MOST_COUNTED else str(count)
