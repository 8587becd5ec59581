"""What an agent gets that nobody asked for: tools, rules, descriptions of blocks, limits of open files."""

from collections.abc import Iterable
from typing import NamedTuple

from letta.agents.agent import Agent
from letta.agents.agent_types import traits_of
from letta.json_types import JsonObject
from letta.tools.tool import Tool

MAX_FILES_OPEN = 1000
HIDING_TAG = "role:subagent"
"""Agents created with this tag are left out of lists."""

BLOCK_DESCRIPTIONS = {
    "human": "What you know about the person you talk with: name, circumstances, preferences, plans. "
    "Keep it up to date, so that you serve them better each time.",
    "persona": "Who you are: your character, your manner and your task. It shapes how you speak and act; "
    "refine it as you learn what works.",
}
"""Descriptions of an agent's first blocks, by label, where none was given."""

_TOOLS_BESIDE_A_SLEEPTIME_AGENT = ("send_message", "conversation_search", "archival_memory_search")
MULTI_AGENT_TOOLS = (
    "send_message_to_agent_and_wait_for_reply",
    "send_message_to_agents_matching_tags",
    "send_message_to_agent_async",
)

_ENDING_TOOLS = {
    "send_message",
    "send_message_to_agent_async",
    "memory_finish_edits",
    "finish_rethinking_memory",
}
_CONTINUING_TOOL_TYPES = {"letta_core", "letta_memory_core", "letta_sleeptime_core"}
_LOOP_RULES = {"exit_loop", "continue_loop"}
_MODELS_WITHOUT_BASE_RULES = ("claude-4-sonnet", "claude-3-5-sonnet", "gpt-5", "gemini-2.5-pro")


def base_tools(agent_type: str, *, enable_sleeptime: bool) -> tuple[str, ...]:
    """Names of the tools that an agent of this type starts with."""
    traits = traits_of(agent_type)
    return _TOOLS_BESIDE_A_SLEEPTIME_AGENT if enable_sleeptime and not traits.keeps_base_tools else traits.base_tools


def wants_base_rules(agent_type: str, model_name: str, given: Iterable[JsonObject]) -> bool:
    """Whether an agent gets the base tool rules when the client doesn't say.

    Agents of some types get them only along with rules of the client's own. Some models follow the flow of a turn
    better without them.
    """
    if traits_of(agent_type).rules_only_with_own and not any(True for _ in given):
        return False
    return "-mini" in model_name or not any(name in model_name for name in _MODELS_WITHOUT_BASE_RULES)


def base_rules(tools: Iterable[Tool], given: Iterable[JsonObject]) -> list[JsonObject]:
    """Rules that end or continue a turn after the built-in tools, but for tools with such a rule among ``given``."""
    ruled = {rule["tool_name"] for rule in given if rule["type"] in _LOOP_RULES}
    return [_rule(kind, tool.name) for tool in tools if tool.name not in ruled and (kind := _loop_rule(tool))]


def approval_rules(tools: Iterable[Tool], given: Iterable[JsonObject]) -> list[JsonObject]:
    """Rules for tools that want an approval by themselves, as far as ``given`` lacks them."""
    ruled = {rule["tool_name"] for rule in given if rule["type"] == "requires_approval"}
    return [approval_rule(tool.name) for tool in tools if tool.default_requires_approval and tool.name not in ruled]


def approval_rule(tool_name: str) -> JsonObject:
    """The rule that a person has to approve each call of a tool."""
    return _rule("requires_approval", tool_name)


def _loop_rule(tool: Tool) -> str | None:
    if tool.name in _ENDING_TOOLS:
        return "exit_loop"
    return "continue_loop" if tool.tool_type in _CONTINUING_TOOL_TYPES else None


def _rule(kind: str, tool_name: str) -> JsonObject:
    return {"tool_name": tool_name, "type": kind, "prompt_template": None}


class FileLimits(NamedTuple):
    """How much of files an agent may see at once."""

    max_files_open: int
    view_characters: int


_FILE_LIMITS = (
    (8_000, FileLimits(3, 5_000)),
    (32_000, FileLimits(5, 15_000)),
    (128_000, FileLimits(10, 25_000)),
    (200_000, FileLimits(10, 40_000)),
)
_LARGEST_FILE_LIMITS = FileLimits(15, 40_000)


def file_limits(context_window: int) -> FileLimits:
    """The limits that suit a context window of so many tokens."""
    return next((limits for window, limits in _FILE_LIMITS if context_window <= window), _LARGEST_FILE_LIMITS)


def limits_of(agent: Agent) -> FileLimits:
    """The limits of an agent: its own ones, or those that suit its model."""
    own = (agent.max_files_open, agent.per_file_view_window_char_limit)
    usual = file_limits(agent.llm_config["context_window"])
    return FileLimits(*(by_default if value is None else value for value, by_default in zip(own, usual, strict=True)))
