"""Agents some of whose calls wait for a decision."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call
from tests.talking import AgentTalk

BLOCKS = [{"label": "human", "value": "Name: Ada."}]
GATED = {"type": "requires_approval", "tool_name": "memory_insert"}
MakeAgent = Callable[..., AgentTalk]


def insert(text: str, call_id: str | None = None) -> Call:
    """A call of the tool that needs approval."""
    return Call("memory_insert", {"label": "human", "new_string": text}, id=call_id)


def replace(old: str, new: str, call_id: str | None = None) -> Call:
    """A call of a tool that needs none."""
    return Call("memory_replace", {"label": "human", "old_string": old, "new_string": new}, id=call_id)


def decision(call_id: str, *, approve: bool, reason: str | None = None) -> dict[str, Any]:
    """A message that decides about one call."""
    item = {"type": "approval", "tool_call_id": call_id, "approve": approve, "reason": reason}
    return {"type": "approval", "approvals": [item]}


def make(http: httpx2.Client, **settings: Any) -> AgentTalk:
    """An agent with memory tools, of which one needs approval."""
    given = {
        "tools": ["memory_insert", "memory_replace"],
        "tool_rules": [GATED],
        "include_base_tool_rules": False,
        "memory_blocks": BLOCKS,
        "model_settings": {"provider_type": "openai", "parallel_tool_calls": True},
    }
    return AgentTalk(http, **(given | settings))


@pytest.fixture
def make_agent(http: httpx2.Client) -> MakeAgent:
    return lambda **settings: make(http, **settings)


@pytest.fixture
def agent(make_agent: MakeAgent) -> AgentTalk:
    return make_agent()
