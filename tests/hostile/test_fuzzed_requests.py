"""Bodies of requests that are no more than JSON, and right ones of which parts are spoiled: never a failure of ours."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.hostile.test_fuzzed_answers import spoiled, values
from tests.support.servers import environment_of
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]

MODEL = "openai-proxy/gpt-4o-mini"
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
SAID = {"role": "user", "content": [{"type": "text", "text": "Hi"}, PICTURE], "otid": "o", "name": "Ada"}
APPROVAL = {"type": "approval", "approvals": [{"type": "approval", "tool_call_id": "c", "approve": True}]}
AGENT = {
    "model": MODEL,
    "name": "Ada",
    "memory_blocks": [{"label": "human", "value": "x", "limit": 100}],
    "tags": ["a"],
    "metadata": {"a": [1]},
    "tools": ["memory_insert"],
    "tool_rules": [{"type": "exit_loop", "tool_name": "memory_insert"}],
    "model_settings": {"provider_type": "openai", "temperature": 0.5, "max_output_tokens": 100},
    "response_format": {"type": "text"},
    "secrets": {"A": "b"},
    "timezone": "Europe/Paris",
    "initial_message_sequence": [{"role": "user", "content": "Hi"}],
}
SCHEMA = {"name": "f", "description": "f", "parameters": {"type": "object", "properties": {"a": {"type": "string"}}}}
BODIES: dict[str, tuple[str, str, Json]] = {
    "agent": ("POST", "/v1/agents", AGENT),
    "change of an agent": ("PATCH", "/v1/agents/{agent}", AGENT),
    "message": ("POST", "/v1/agents/{agent}/messages", {"messages": [SAID], "max_steps": 1}),
    "approval": ("POST", "/v1/agents/{agent}/messages", {"messages": [APPROVAL]}),
    "client tools": ("POST", "/v1/agents/{agent}/messages", {"input": "Hi", "client_tools": [SCHEMA], "max_steps": 1}),
    "background": ("POST", "/v1/agents/{agent}/messages/async", {"messages": [SAID], "callback_url": None}),
    "chat completion": (
        "POST",
        "/v1/chat/completions",
        {"model": "{agent}", "messages": [{"role": "user", "content": "Hi"}]},
    ),
    "OpenAI's response": (
        "POST",
        "/openai/v1/responses",
        {"model": "{agent}", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]}]},
    ),
    "block": ("POST", "/v1/blocks", {"label": "a", "value": "b", "limit": 100, "metadata": {"a": 1}, "tags": ["t"]}),
    "archive": ("POST", "/v1/archives", {"name": "a", "description": "b", "embedding": None}),
    "search": ("POST", "/v1/passages/search", {"query": "a", "agent_id": "{agent}", "tags": ["a"], "limit": 5}),
    "search of messages": (
        "POST",
        "/v1/messages/search",
        {"query": "a", "agent_id": "{agent}", "limit": 5, "roles": ["user"]},
    ),
    "folder": ("POST", "/v1/folders", {"name": "a", "metadata": {"a": 1}}),
    "group": (
        "POST",
        "/v1/groups",
        {
            "agent_ids": ["{agent}"],
            "description": "a",
            "manager_config": {"manager_type": "dynamic", "manager_agent_id": "{agent}", "max_turns": 3},
            "shared_block_ids": [],
        },
    ),
    "identity": (
        "PUT",
        "/v1/identities",
        {
            "identifier_key": "a",
            "name": "b",
            "identity_type": "user",
            "agent_ids": ["{agent}"],
            "properties": [{"key": "a", "value": {"b": 1}, "type": "json"}],
        },
    ),
    "MCP server": (
        "POST",
        "/v1/mcp-servers",
        {
            "server_name": "a",
            "config": {
                "mcp_server_type": "streamable_http",
                "server_url": "http://nowhere.invalid/mcp",
                "auth_token": "a",
                "custom_headers": {"X-A": "{{ B | c }}"},
            },
        },
    ),
    "tool": (
        "PUT",
        "/v1/tools",
        {"source_code": "def f(a: str) -> str:\n    '''F.'''", "json_schema": SCHEMA, "tags": ["t"]},
    ),
    "conversation": (
        "POST",
        "/v1/conversations?agent_id={agent}",
        {"summary": "a", "model_settings": {"provider_type": "openai"}},
    ),
}


@pytest.fixture(scope="module")
def talk(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[AgentTalk]:
    from letta.testing.postgres import throwaway_schema

    with (
        throwaway_schema(postgres_uri) as schema,
        ServerProcess(environment_of(postgres_uri, schema, scripted_model)) as server,
        httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http,
    ):
        yield AgentTalk(http)
        assert "Traceback" not in server.log


def with_agent(value: Any, agent_id: str) -> Any:
    return json.loads(json.dumps(value).replace("{agent}", agent_id))


@pytest.mark.parametrize("name", BODIES)
def test_any_body_is_answered_or_refused_in_words(talk: AgentTalk, name: str) -> None:
    method, path, good = BODIES[name]
    place = path.replace("{agent}", talk.id)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(spoiled([good]).map(lambda bodies: bodies[0] if bodies else None), values))
    def send(body: Any) -> None:
        content = json.dumps(with_agent(body, talk.id))
        answer = talk.http.request(method, place, content=content, headers={"content-type": "application/json"})
        assert answer.status_code < 500 or answer.status_code == 501, f"{content}: {answer.text}"
        if answer.status_code >= 400:
            told = answer.json()
            assert told.get("detail") or told.get("error"), answer.text

    send()


@pytest.mark.parametrize("name", BODIES)
def test_the_bodies_are_right_before_they_are_spoiled(talk: AgentTalk, name: str) -> None:
    method, path, good = BODIES[name]
    answer = talk.http.request(method, path.replace("{agent}", talk.id), json=with_agent(good, talk.id))
    assert answer.status_code == 200 or name in {"approval", "background", "folder", "MCP server"}, answer.text
