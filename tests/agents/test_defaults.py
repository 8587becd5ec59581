"""What agents get by themselves."""

from typing import Any

import pytest

from letta.agents import defaults
from letta.tools.tool import Tool


def tool(name: str, kind: str = "letta_core", **values: Any) -> Tool:
    return Tool(id=f"tool-{name}", name=name, tool_type=kind, json_schema={}, **values)


def exit_rule(name: str) -> dict[str, Any]:
    return {"type": "exit_loop", "tool_name": name, "prompt_template": None}


@pytest.mark.parametrize(
    ("agent_type", "tools"),
    [
        ("letta_v1_agent", {"conversation_search", "memory_insert", "memory_replace"}),
        ("memgpt_v2_agent", {"send_message", "conversation_search", "memory_insert", "memory_replace"}),
        (
            "memgpt_agent",
            {
                "send_message",
                "conversation_search",
                "core_memory_append",
                "core_memory_replace",
                "memory",
                "memory_apply_patch",
            },
        ),
        ("react_agent", set()),
        ("workflow_agent", set()),
        ("sleeptime_agent", {"memory_replace", "memory_insert", "memory_rethink", "memory_finish_edits"}),
        ("voice_sleeptime_agent", {"store_memories", "rethink_user_memory", "finish_rethinking_memory"}),
        ("voice_convo_agent", {"send_message", "search_memory"}),
    ],
)
def test_base_tools(agent_type: str, tools: set[str]) -> None:
    assert set(defaults.base_tools(agent_type, enable_sleeptime=False)) == tools


def test_unlisted_types_get_the_tools_of_memgpt_agents() -> None:
    expected = defaults.base_tools("memgpt_agent", enable_sleeptime=False)
    assert defaults.base_tools("split_thread_agent", enable_sleeptime=False) == expected


@pytest.mark.parametrize("agent_type", ["letta_v1_agent", "memgpt_agent", "react_agent"])
def test_an_agent_beside_a_sleeptime_agent_does_not_edit_memory(agent_type: str) -> None:
    tools = set(defaults.base_tools(agent_type, enable_sleeptime=True))
    assert tools == {"send_message", "conversation_search", "archival_memory_search"}


def test_sleeptime_agents_edit_memory_whatever_is_enabled() -> None:
    assert "memory_rethink" in defaults.base_tools("sleeptime_agent", enable_sleeptime=True)


@pytest.mark.parametrize(
    ("agent_type", "model", "given", "wanted"),
    [
        ("letta_v1_agent", "gpt-4o", [], False),
        ("letta_v1_agent", "gpt-4o", [exit_rule("x")], True),
        ("memgpt_agent", "gpt-4o", [], True),
        ("memgpt_agent", "gpt-5", [], False),
        ("memgpt_agent", "gpt-5-mini", [], True),
        ("memgpt_agent", "claude-3-5-sonnet-20241022", [], False),
        ("memgpt_agent", "gemini-2.5-pro", [], False),
    ],
)
def test_who_gets_base_rules(agent_type: str, model: str, given: list[dict[str, Any]], wanted: bool) -> None:
    assert defaults.wants_base_rules(agent_type, model, given) is wanted


def test_base_rules_end_or_continue_a_turn_by_tool() -> None:
    tools = [tool("send_message"), tool("memory_insert", "letta_sleeptime_core"), tool("roll_dice", "custom")]
    rules = defaults.base_rules(tools, [])
    assert [(rule["type"], rule["tool_name"]) for rule in rules] == [
        ("exit_loop", "send_message"),
        ("continue_loop", "memory_insert"),
    ]


def test_base_rules_leave_tools_alone_that_have_a_rule() -> None:
    assert defaults.base_rules([tool("memory_insert")], [exit_rule("memory_insert")]) == []


def test_tools_may_want_an_approval_by_themselves() -> None:
    tools = [tool("a", default_requires_approval=True), tool("b")]
    rules = defaults.approval_rules(tools, [])
    assert [(rule["type"], rule["tool_name"]) for rule in rules] == [("requires_approval", "a")]
    assert defaults.approval_rules(tools, rules) == []


@pytest.mark.parametrize(
    ("window", "limits"),
    [
        (8_000, (3, 5_000)),
        (8_001, (5, 15_000)),
        (128_000, (10, 25_000)),
        (200_000, (10, 40_000)),
        (10**6, (15, 40_000)),
    ],
)
def test_file_limits_by_context_window(window: int, limits: tuple[int, int]) -> None:
    assert defaults.file_limits(window) == limits
