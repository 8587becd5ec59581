"""Texts that agents are given: system prompts by type of agent, and instructions for compaction by mode."""

from functools import cache
from importlib import resources

_SYSTEM_PROMPTS = {
    "memgpt_agent": "messenger",
    "memgpt_v2_agent": "messenger",
    "split_thread_agent": "messenger",
    "letta_v1_agent": "conversational",
    "react_agent": "react",
    "workflow_agent": "workflow",
    "sleeptime_agent": "sleeptime",
    "voice_convo_agent": "voice",
    "voice_sleeptime_agent": "voice_sleeptime",
}


def system_prompt(agent_type: str) -> str:
    """The system prompt of an agent that was created without one."""
    return _text(_SYSTEM_PROMPTS[agent_type])


def compaction_prompt(mode: str) -> str:
    """What the summarizer is told where an agent's compaction settings name no prompt."""
    return _text(f"compaction_{mode}")


@cache
def _text(name: str) -> str:
    return resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8").strip()
