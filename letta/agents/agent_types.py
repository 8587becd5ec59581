"""What the type of an agent means, all in one table."""

from dataclasses import dataclass
from typing import Literal

AgentType = Literal[
    "memgpt_agent",
    "memgpt_v2_agent",
    "letta_v1_agent",
    "react_agent",
    "workflow_agent",
    "split_thread_agent",
    "sleeptime_agent",
    "voice_convo_agent",
    "voice_sleeptime_agent",
]
SLEEPTIME_AGENT: AgentType = "sleeptime_agent"
"""The type of those that look after the memory of others."""

_CONVERSATIONAL_TOOLS = ("conversation_search", "memory_insert", "memory_replace")
_MESSENGER_TOOLS = (
    "send_message",
    "conversation_search",
    "core_memory_append",
    "core_memory_replace",
    "memory",
    "memory_apply_patch",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What agents of a type have in common.

    Attributes:
        prompt: name of the system prompt of those created without one.
        base_tools: names of the tools they start with.
        keeps_base_tools: whether it is those as well where another agent looks after their memory.
        needs_sleeptime: whether another agent has to do that.
        speaks_plainly: whether they answer with text; others speak through a tool.
        thinks_in_arguments: whether a model that doesn't reason by itself writes its thoughts into calls of tools.
        begins_with_login: whether their context begins with an example of that tool, and the news that somebody came.
        rules_only_with_own: whether they get the base tool rules only along with rules that a client gave.
        sees_blocks: whether the system message shows their memory blocks.
        sees_numbered_lines: whether it shows them with line numbers, to models that profit from it.
        sees_values_always: whether it shows of closed files where their text would be, as of open ones.
        forgets: whether each request begins with an empty context.
    """

    prompt: str
    base_tools: tuple[str, ...] = _MESSENGER_TOOLS
    keeps_base_tools: bool = False
    needs_sleeptime: bool = False
    speaks_plainly: bool = False
    thinks_in_arguments: bool = True
    begins_with_login: bool = True
    rules_only_with_own: bool = False
    sees_blocks: bool = True
    sees_numbered_lines: bool = False
    sees_values_always: bool = False
    forgets: bool = False


_OLDEST = Traits(prompt="messenger")
_TRAITS: dict[str, Traits] = {
    "memgpt_agent": _OLDEST,
    "memgpt_v2_agent": Traits(
        prompt="messenger", base_tools=("send_message", *_CONVERSATIONAL_TOOLS), sees_numbered_lines=True
    ),
    "split_thread_agent": _OLDEST,
    "letta_v1_agent": Traits(
        prompt="conversational",
        base_tools=_CONVERSATIONAL_TOOLS,
        speaks_plainly=True,
        thinks_in_arguments=False,
        begins_with_login=False,
        rules_only_with_own=True,
        sees_numbered_lines=True,
    ),
    "react_agent": Traits(prompt="react", base_tools=(), sees_blocks=False, sees_values_always=True),
    "workflow_agent": Traits(
        prompt="workflow", base_tools=(), sees_blocks=False, sees_values_always=True, forgets=True
    ),
    SLEEPTIME_AGENT: Traits(
        prompt="sleeptime",
        base_tools=("memory_replace", "memory_insert", "memory_rethink", "memory_finish_edits"),
        keeps_base_tools=True,
        speaks_plainly=True,
        begins_with_login=False,
        sees_numbered_lines=True,
    ),
    "voice_convo_agent": Traits(
        prompt="voice", base_tools=("send_message", "search_memory"), keeps_base_tools=True, needs_sleeptime=True
    ),
    "voice_sleeptime_agent": Traits(
        prompt="voice_sleeptime",
        base_tools=("store_memories", "rethink_user_memory", "finish_rethinking_memory"),
        keeps_base_tools=True,
        begins_with_login=False,
    ),
}


def traits_of(agent_type: str) -> Traits:
    """What the type of an agent means. One that a newer version stored counts as the oldest type."""
    return _TRAITS.get(agent_type, _OLDEST)
