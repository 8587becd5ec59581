"""Whatever a file holds, the answer is its agents or a sentence, and never an error of the server."""

import copy
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent_files.conftest import SOURCE, Files, Json, agent_file, message, with_messages
from tests.talking import AgentTalk

CALL = {"id": "call_1", "type": "function", "function": {"name": "roll_dice", "arguments": "{}"}}
EVIL: list[Any] = [
    None,
    True,
    0,
    -1,
    10**30,
    1.5,
    "",
    "x",
    "\0",
    "\ud800",
    "{}",
    "[" * 3000,
    "9" * 5000,
    [],
    [None],
    [[]],
    {},
    {"type": "text"},
    {"": None},
]


def whole_file() -> Json:
    """A file that has something of everything."""
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    returned = {"tool_call_id": "call_1", "status": "success", "stdout": [], "stderr": [], "func_response": "{}"}
    decided = [{"type": "approval", "tool_call_id": "call_1", "approve": True, "reason": None}]
    thought = {"type": "reasoning", "reasoning": "r", "is_native": True, "signature": "s"}
    file = with_messages(
        message(0, "system", "s", created_at="2025-01-01T00:00:00Z", otid="o"),
        message(1, "user", "u") | {"content": [image]},
        message(2, "assistant", "a", tool_calls=[CALL], model="gpt-4o-mini") | {"content": [thought]},
        message(3, "tool", None, tool_returns=[returned], tool_call_id="call_1"),
        message(4, "approval", "May I?", tool_calls=[CALL | {"id": "call_2"}]),
        message(5, "approval", None, approvals=decided, approve=True, approval_request_id="call_2", denial_reason="d"),
        tool_ids=["tool-0"],
        block_ids=["block-0"],
        source_ids=["source-0"],
        tool_rules=[{"type": "run_first", "tool_name": "t", "prompt_template": None}],
        tags=["t"],
        metadata={"k": [1]},
        secrets={"K": ""},
        timezone="UTC",
        max_files_open=3,
        compaction_settings={"mode": "all", "clip_chars": 10},
        embedding_config={"embedding_model": "e", "embedding_dim": 3, "embedding_endpoint_type": "x"},
        response_format={"type": "json_object"},
    )
    schema = {"name": "t", "description": "d", "parameters": {"type": "object", "properties": {}, "required": []}}
    tool: Json = {"id": "tool-0", "name": "t", "tool_type": "custom", "source_code": SOURCE, "json_schema": schema}
    tool |= {"tags": ["t"], "return_char_limit": 9, "pip_requirements": [{"name": "p"}], "metadata_": {"k": 1}}
    block = {"id": "block-0", "label": "l", "value": "v", "limit": 9, "tags": ["t"], "metadata": {}, "read_only": False}
    folder: Json = {"id": "source-0", "name": "Fuzzed", "description": "d", "metadata": {}, "embedding_config": None}
    return copy.deepcopy(file | {"tools": [tool], "blocks": [block], "sources": [folder]})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be replaced."""
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in inner:
        yield from places(part, (*path, name))


PLACES = list(places(whole_file()))


def changed(file: Json, path: tuple[Any, ...], value: Any) -> Json:
    target: Any = file
    for name in path[:-1]:
        target = target[name]
    target[path[-1]] = value
    return file


def can_be_used(http: httpx2.Client, agent_id: str) -> None:
    for path in ("", "/messages", "/context", "/export", "/core-memory/blocks", "/tools"):
        response = http.get(f"/v1/agents/{agent_id}{path}")
        assert response.status_code == 200, f"{path} {response.text}"
    said = http.post(f"/v1/agents/{agent_id}/messages", json={"input": "Are you there?"})
    assert said.status_code in {200, 409}, said.text  # 409 where the file's last message waits for a decision


def test_the_whole_file_is_imported_as_it_is(http: httpx2.Client, files: Files) -> None:
    can_be_used(http, files.load(whole_file())["agent_ids"][0])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from(EVIL)), min_size=1, max_size=2))
def test_no_file_is_an_error_of_the_server(
    http: httpx2.Client, files: Files, changes: list[tuple[tuple[Any, ...], Any]]
) -> None:
    file = whole_file()
    for path, value in changes:
        try:
            changed(file, path, copy.deepcopy(value))
        except (KeyError, IndexError, TypeError, AttributeError):
            continue  # the place went with the first change
    response = files.send(json.dumps(file).encode(), strip_messages="false")
    assert response.status_code in {200, 400, 404, 409, 501}, response.text
    if response.status_code == 200:
        can_be_used(http, response.json()["agent_ids"][0])
    else:
        assert isinstance(response.json()["detail"], str)


@pytest.mark.parametrize("value", EVIL, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("name", ["agents", "blocks", "tools", "sources", "groups", "files", "mcp_servers", "skills"])
def test_a_section_may_be_anything(files: Files, name: str, value: Any) -> None:
    response = files.send(json.dumps(agent_file() | {name: value}).encode())
    assert response.status_code in {200, 400}, response.text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "Corrupted agent file format"),
        (b"not json", "Corrupted agent file format"),
        (b"\xff\xfe{}", "Corrupted agent file format"),
        (b"PK\x03\x04 a zip", "Corrupted agent file format"),
        (b'{"agents": ' + b"[" * 200_000, "Corrupted agent file format"),
        (b'{"agents": ' + b"[" * 200_000 + b"]" * 200_000 + b"}", "Corrupted agent file format"),
        (b'{"agents": [NaN]}', "Corrupted agent file format"),
        (b'{"agents": [1e999]}', "Corrupted agent file format"),
        (b'{"agents": [' + b"9" * 10_000 + b"]}", "Corrupted agent file format"),
        (b"[]", "not a JSON object"),
        (b'"[]"', "not a JSON object"),
        (b'{"foo": 1}', "Legacy AgentSchema format is deprecated"),
        (b'{"agent_type": "memgpt_agent", "core_memory": [], "messages": []}', "Legacy AgentSchema format"),
        (b'{"agents": {}}', "Legacy AgentSchema format"),
        (b'{"agents": []}', "agents: List should have at least 1 item"),
        (b'{"agents": [5]}', "agents.0"),
        (json.dumps(agent_file(metadata={"k": "a\0b"})).encode(), "NUL character"),
        (json.dumps(agent_file(system="\udc00")).encode(), "surrogate pair"),
        (json.dumps(agent_file(name="a/b")).encode(), "is not a valid agent name"),
        (json.dumps(agent_file(timezone="Mars/Olympus")).encode(), "Mars/Olympus"),
        (json.dumps(agent_file(agent_type="new_agent")).encode(), "agents.0.agent_type"),
        (json.dumps(agent_file(llm_config={"context_window": -1})).encode(), "context_window"),
        (json.dumps(with_messages(message(0, "wizard", "x"))).encode(), "agents.0.messages.0.role"),
        (json.dumps(with_messages(message(0, "approval", "x"))).encode(), "needs tool_calls or approvals"),
        (json.dumps(with_messages(message(0, "tool", "x"))).encode(), "needs tool_returns"),
        (json.dumps(with_messages(message(0, "user", created_at="0001-01-01T00:00:00+14:00"))).encode(), "created_at"),
        (json.dumps(with_messages(message(0, "user") | {"content": [{"type": "song"}]})).encode(), "content"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(files: Files, data: bytes, reason: str) -> None:
    assert reason in files.refused(data)


def test_json_may_be_deep_but_not_too_deep(files: Files) -> None:
    for levels, status in ((80, 200), (200, 400), (900, 400)):
        metadata: Json = {}
        for _ in range(levels):
            metadata = {"k": metadata}
        assert files.send(agent_file(metadata=metadata)).status_code == status


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"block_ids": ["block-7"]}, "block-7 (of agent-0)"),
        ({"tool_ids": ["tool-7"]}, "tool-7 (of agent-0)"),
        ({"in_context_message_ids": ["message-7"]}, "message-7 (of agent-0)"),
        ({"tool_ids": [f"tool-{number}" for number in range(9)]}, "and 4 more"),
        ({"messages": [message(1, "user", "x")] * 2}, "same id twice in the messages of agent-0: message-1"),
        (
            {"messages": [message(1, "user", "x")], "in_context_message_ids": ["message-1"] * 2},
            "same id twice in in_context_message_ids of agent-0",
        ),
    ],
)
def test_ids_that_lead_nowhere_are_named(files: Files, fields: Json, reason: str) -> None:
    assert reason in files.refused(agent_file(**fields))


@pytest.mark.parametrize("section", ["agents", "blocks", "tools", "sources"])
def test_ids_that_come_twice_are_named(files: Files, section: str) -> None:
    file = whole_file()
    file[section] *= 2
    assert f"same id twice in {section}" in files.refused(file)


def test_the_form_is_checked_as_well(http: httpx2.Client, files: Files) -> None:
    assert http.post("/v1/agents/import").status_code == 422
    assert http.post("/v1/agents/import", data={"file": "{}"}).status_code == 422
    assert "NUL" in files.refused(agent_file(), name="a\0b")
    assert "is not a valid agent name" in files.refused(agent_file(), name="a/b")
    assert "not a model handle" in files.refused(agent_file(), model="gpt")
    assert files.send(agent_file(), strip_messages="perhaps").status_code == 422


@pytest.mark.slow
def test_ten_megabytes_are_imported_and_exported(http: httpx2.Client, files: Files) -> None:
    history = [message(0, "system", "s")]
    history += [message(n, "user" if n % 2 else "assistant", f"{n} " + "lorem ipsum " * 80) for n in range(1, 10_000)]
    file = with_messages(*history)
    file["agents"][0]["in_context_message_ids"] = [entry["id"] for entry in history[:200]]
    data = json.dumps(file).encode()
    assert len(data) > 10_000_000
    started = time.monotonic()
    agent = files.agent(data)
    print(f"{len(data) / 1e6:.1f} MB in {time.monotonic() - started:.1f} s")
    assert len(files.export(agent.id)["agents"][0]["messages"]) == 200
    assert len(AgentTalk.of(http, agent.id).history()) == 200
    assert http.get("/v1/health/").status_code == 200
