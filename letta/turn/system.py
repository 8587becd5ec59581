"""The system message: the agent's prompt and what its rooms have to say, then counts and times.

Counts and times are those of the moment of compilation. The message is compiled anew only when something else in it
has changed, so that providers can cache the prefix of the context from turn to turn.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from letta.agents.agent import Agent
from letta.blocks.block import Block
from letta.blocks.section import render_blocks
from letta.json_types import JsonObject
from letta.turn.tool_rules import describe

_PLACEHOLDER = "{CORE_MEMORY}"
MOST_COUNTED = 10_000
"""Where counting ends: a model needs to know no more, and it takes no longer however long the agent has lived."""
_TIME = "%Y-%m-%d %I:%M:%S %p %Z%z"


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What the metadata section tells.

    Attributes:
        conversation_label: ``default``, or the conversation's id.
        recall_count: messages that the agent has beyond its context; at most `MOST_COUNTED`.
        archival_count: passages in its archival memory; at most `MOST_COUNTED`.
    """

    conversation_label: str = "default"
    recall_count: int = 0
    archival_count: int = 0
    compiled_at: datetime | None = None


def compile_system(
    agent: Agent,
    blocks: Sequence[Block],
    facts: SystemFacts,
    directories: str | None = None,
    *,
    system: str | None = None,
) -> str:
    """The whole text of an agent's system message.

    Args:
        directories: the section that shows the agent's folders.
        system: stands in for the agent's own prompt.
    """
    memory = f"{_sections(agent, blocks, directories)}\n\n{_metadata(agent, facts)}".strip()
    prompt = agent.system if system is None else system
    if _PLACEHOLDER in prompt:
        return prompt.replace(_PLACEHOLDER, memory)
    return f"{prompt}\n\n{memory}"


def system_digest(agent: Agent, blocks: Sequence[Block], directories: str | None = None) -> str:
    """Changes whenever the system message has to be compiled anew."""
    text = f"{agent.system}\0{agent.timezone}\0{_sections(agent, blocks, directories)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _sections(agent: Agent, blocks: Sequence[Block], directories: str | None) -> str:
    endpoint_type = agent.llm_config.get("model_endpoint_type")
    sections = (render_blocks(agent.agent_type, endpoint_type, blocks), _tool_rules(agent.tool_rules), directories)
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


def format_time(moment: datetime, timezone: str) -> str:
    """A point in time as agents read it, such as ``2026-01-31 02:05:09 PM CET+0100``."""
    return moment.astimezone(ZoneInfo(timezone)).strftime(_TIME)
