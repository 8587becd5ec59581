"""Texts that agents are given: system prompts by type of agent, and instructions for compaction by mode."""

from functools import cache
from importlib import resources

from letta.agents.agent_types import traits_of


def system_prompt(agent_type: str) -> str:
    """The system prompt of an agent that was created without one."""
    return _text(traits_of(agent_type).prompt)


def compaction_prompt(mode: str) -> str:
    """What the summarizer is told where an agent's compaction settings name no prompt."""
    return _text(f"compaction_{mode}")


@cache
def _text(name: str) -> str:
    return resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
