"""What a user of the official client does with each of its methods, for one agent with everything that it can have.

Each journey uses the methods of one resource, on what it makes itself; the client fails where an answer isn't of the
type that it promises.
"""

import json
import sys
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from letta_client import APIError, InternalServerError

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel, Usage
from tests.mcp.conftest import OFFERING
from tests.support.waiting import until

MODEL = "openai-proxy/gpt-4o-mini"
EMBEDDING = "openai/text-embedding-3-small"
LATER = 4102444800000.0
"""Milliseconds; a moment in the year 2100."""

Journey = Callable[[Any, ScriptedModel], None]
JOURNEYS: list[Journey] = []


def journey(function: Journey) -> Journey:
    """Mark a function as one of the journeys."""
    JOURNEYS.append(function)
    return function


def fresh(prefix: str) -> str:
    """A name that nothing else has."""
    return f"{prefix}_{uuid.uuid4().hex[:8]}"


def new_agent(client: Any, **settings: Any) -> str:
    """The id of an agent with two blocks."""
    blocks = [{"label": "human", "value": "Ada"}, {"label": "persona", "value": "A guide."}]
    return str(
        client.agents.create(
            **{"name": fresh("agent"), "model": MODEL, "embedding": EMBEDDING, "memory_blocks": blocks} | settings
        ).id
    )


def everything(page: Any) -> list[Any]:
    """All items of a list, page by page."""
    return list(page)


ALL_RELATIONS = [
    f"agent.{part}"
    for part in ("blocks", "identities", "managed_group", "pending_approval", "secrets", "sources", "tags", "tools")
]


@journey
def agents(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(
        client,
        description="Somebody.",
        metadata={"a": [1, None, {"b": True}]},
        tags=["one", "two"],
        secrets={"KEY": "value"},
        tool_rules=[
            {"type": "run_first", "tool_name": "memory_insert"},
            {"type": "requires_approval", "tool_name": "conversation_search"},
            {"type": "conditional", "tool_name": "memory_insert", "child_output_mapping": {"a": "memory_replace"}},
            {"type": "max_count_per_step", "tool_name": "memory_replace", "max_count_limit": 3},
            {
                "type": "constrain_child_tools",
                "tool_name": "memory_insert",
                "children": ["memory_replace"],
                "child_arg_nodes": [{"name": "memory_replace", "args": {"label": "human"}}],
            },
        ],
        model_settings={"provider_type": "openai", "temperature": 0.3, "response_format": {"type": "text"}},
        compaction_settings={"mode": "all", "model": MODEL},
        context_window_limit=16000,
        enable_sleeptime=True,
    )
    for agent_type in ("memgpt_agent", "memgpt_v2_agent", "react_agent", "workflow_agent", "sleeptime_agent"):
        client.agents.retrieve(new_agent(client, agent_type=agent_type), include=ALL_RELATIONS)
    assert client.agents.retrieve(agent_id, include=ALL_RELATIONS).managed_group is not None
    assert [found.id for found in client.agents.list(tags=["one"], include=ALL_RELATIONS, limit=1)] == [agent_id]
    client.agents.update(agent_id, description=None, timezone="Europe/Rome", model_settings={"provider_type": "openai"})
    assert "Ada" in client.agents.recompile(agent_id, dry_run=True)
    client.agents.messages.create(agent_id, input=model.script(Reply("Kept.")).say("Keep this."))
    exported = json.dumps(json.loads(client.agents.export_file(agent_id))).encode()
    assert len(client.agents.import_file(file=("agent.af", exported)).agent_ids) == 2  # one looks after its memory
    assert everything(client.tags.list(limit=1))
    client.agents.delete(agent_id)


@journey
def blocks(client: Any, _model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    made = client.blocks.create(label="notes", value="", description="Notes.", tags=["x"], metadata={"a": 1})
    client.blocks.retrieve(made.id)
    client.blocks.update(made.id, value="More.", read_only=True)
    client.agents.blocks.attach(made.id, agent_id=agent_id)
    assert len(everything(client.agents.blocks.list(agent_id, limit=2))) == 3
    client.agents.blocks.retrieve("notes", agent_id=agent_id)
    client.agents.blocks.update("notes", agent_id=agent_id, value="Most.")
    assert [found.id for found in client.blocks.agents.list(made.id, include=ALL_RELATIONS)] == [agent_id]
    client.agents.blocks.detach(made.id, agent_id=agent_id)
    assert everything(client.blocks.list(limit=2))
    client.blocks.delete(made.id)


@journey
def messages(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    insert = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})
    unknown = Call("nothing", {})
    script = model.script(Reply("Thinking.", reasoning="Hm.", calls=[insert]), Reply(calls=[unknown]), Reply("Done."))
    parts = [
        {"type": "text", "text": script.say("Look:")},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PIXEL}},
    ]
    client.agents.messages.create(agent_id, messages=[{"role": "user", "content": parts}])
    for options in ({"stream_tokens": True}, {"stream_tokens": False}, {"background": True, "stream_tokens": True}):
        with client.agents.messages.create(agent_id, input=script.say(), streaming=True, **options) as events:
            assert [event.message_type for event in events][-1] == "usage_statistics"
    with (
        pytest.warns(DeprecationWarning, match="deprecated"),
        client.agents.messages.stream(agent_id, input=script.say()) as events,
    ):
        assert list(events)
    client.agents.messages.compact(agent_id, compaction_settings={"mode": "sliding_window"})
    listed = everything(client.agents.messages.list(agent_id, order="asc", limit=4))
    assert {message.message_type for message in listed} >= {
        "system_message",
        "user_message",
        "reasoning_message",
        "assistant_message",
        "tool_call_message",
        "tool_return_message",
    }
    assert everything(client.messages.list(limit=5))[0].id
    client.messages.retrieve(listed[-1].id)
    assert until(lambda: client.messages.search(query="look"))
    run = client.agents.messages.create_async(agent_id, input=script.say())
    until(lambda: client.runs.retrieve(run.id).status == "completed")
    client.agents.messages.cancel(agent_id)
    client.agents.messages.reset(agent_id, add_default_initial_messages=False)


_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


@journey
def compactions_and_failures(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(client, context_window_limit=16000)
    full = model.script(Reply("Much.", usage=Usage(input=15900)))
    told = {"input": full.say(), "streaming": True, "include_compaction_messages": True}
    stream = client.post(f"/v1/agents/{agent_id}/messages", cast_to=httpx.Response, body=told)
    assert "summary_message" in stream.text  # which the client's types of events leave out
    client.agents.messages.create(agent_id, input=full.say(), include_compaction_messages=True)
    broken = model.script(Reply(error=Failure("bad_request")))
    with (
        client.agents.messages.create(agent_id, input=broken.say(), streaming=True) as events,
        pytest.raises(APIError, match="error"),
    ):
        list(events)
    assert client.runs.list(agent_id=agent_id).items[0].status == "failed"


@journey
def approvals(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(client, tool_rules=[{"type": "requires_approval", "tool_name": "memory_insert"}])
    call = Call("memory_insert", {"label": "human", "new_string": "x"})
    for decision in ({"approve": True}, {"approve": False, "reason": "No."}):
        asked = client.agents.messages.create(agent_id, input=model.script(Reply(calls=[call]), Reply("So.")).say())
        request = asked.messages[-1]
        assert client.agents.retrieve(agent_id, include=ALL_RELATIONS).pending_approval.id == request.id
        approvals = [{"type": "approval", "tool_call_id": request.tool_call.tool_call_id} | decision]
        client.agents.messages.create(agent_id, messages=[{"type": "approval", "approvals": approvals}])
    tools = [{"name": "weather", "description": "Weather.", "parameters": {"type": "object", "properties": {}}}]
    script = model.script(Reply(calls=[Call("weather", {}, id="call_weather")]), Reply("Sun."))
    with client.agents.messages.create(
        agent_id, input=script.say(), client_tools=tools, streaming=True, stream_tokens=True
    ) as events:
        assert list(events)
    returned = [{"type": "tool", "tool_call_id": "call_weather", "tool_return": "sun", "status": "success"}]
    client.agents.messages.create(agent_id, messages=[{"type": "approval", "approvals": returned}], client_tools=tools)
    kinds = {message.message_type for message in client.agents.messages.list(agent_id, limit=100)}
    assert kinds >= {"approval_request_message", "approval_response_message", "tool_return_message"}


@journey
def conversations(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    made = client.conversations.create(agent_id=agent_id, summary="First", model=MODEL)
    script = model.script(Reply("Hello."))
    with client.conversations.messages.create(made.id, input=script.say(), background=True) as events:
        assert list(events)
    client.conversations.messages.create(made.id, input=script.say(), streaming=False)
    client.conversations.retrieve(made.id)
    client.conversations.update(made.id, summary="Renamed")
    assert everything(client.conversations.list(agent_id=agent_id, limit=1))
    assert everything(client.conversations.messages.list(made.id, limit=2))
    assert client.conversations.recompile(made.id)
    client.conversations.messages.compact(made.id)
    fork = client.conversations.fork(made.id)
    slow = model.script(Reply("At last.", hold=True))
    with client.conversations.messages.create(fork.id, input=slow.say(), background=True) as events:
        next(iter(events))
        with client.conversations.messages.stream(fork.id) as again:
            next(iter(again))
            client.conversations.cancel(fork.id)
            assert [event.message_type for event in again][-1] == "stop_reason"
    client.conversations.delete(made.id)


@journey
def runs_and_steps(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    call = Call("memory_insert", {"label": "human", "new_string": "x"})
    script = model.script(Reply(calls=[call]), Reply("Done."))
    with client.agents.messages.create(agent_id, input=script.say(), streaming=True, background=True) as events:
        run_id = next(event.run_id for event in events)
    with client.runs.messages.stream(run_id, starting_after=1) as events:
        assert list(events)
    assert everything(client.runs.list(agent_id=agent_id, limit=1))
    client.runs.retrieve(run_id)
    assert everything(client.runs.messages.list(run_id, limit=2))
    client.runs.usage.retrieve(run_id)
    assert client.runs.trace.retrieve(run_id)
    step = everything(client.runs.steps.list(run_id, limit=1))[0]
    client.steps.retrieve(step.id)
    assert everything(client.steps.list(agent_id=agent_id, limit=1))
    client.steps.metrics.retrieve(step.id)
    assert client.steps.trace.retrieve(step.id).request_json
    client.steps.feedback.create(step.id, feedback="positive", tags=["good"])
    assert everything(client.steps.messages.list(step.id))


@journey
def archives(client: Any, _model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    made = client.archives.create(name=fresh("archive"), embedding=EMBEDDING, description="Things.")
    client.archives.retrieve(made.id)
    client.archives.update(made.id, name=fresh("archive"))
    client.agents.archives.attach(made.id, agent_id=agent_id)
    one = client.archives.passages.create(made.id, text="Rome is old.", tags=["city"], metadata={"n": 1})
    client.archives.passages.create_many(made.id, passages=[{"text": "Oslo is cold."}, {"text": "Bern is calm."}])
    mine = client.agents.passages.create(agent_id, text="Paris is loud.", tags=["city"])
    assert len(client.agents.passages.list(agent_id)) == 4
    assert client.agents.passages.search(agent_id, query="cold").count
    assert client.passages.search(archive_id=made.id, query="old")
    assert client.passages.search(agent_id=agent_id, tags=["city"])
    client.agents.passages.delete(mine[0].id, agent_id=agent_id)
    client.archives.passages.delete(one.id, archive_id=made.id)
    assert everything(client.archives.list(limit=1))
    assert client.get(f"/v1/archives/{made.id}/agents", cast_to=object)
    client.agents.archives.detach(made.id, agent_id=agent_id)
    client.archives.delete(made.id)


_GREET = '''
def {name}(who: str = "you") -> str:
    """Greet somebody.

    Args:
        who: whom.
    """
    return who
'''


@journey
def tools(client: Any, _model: ScriptedModel) -> None:
    name = fresh("greet")
    agent_id = new_agent(client)
    made = client.tools.create(source_code=_GREET.format(name=name), tags=["x"], pip_requirements=[])
    client.tools.upsert(source_code=_GREET.format(name=name))
    client.tools.retrieve(made.id)
    client.tools.update(made.id, description="Greets.", default_requires_approval=False)
    assert len(everything(client.tools.list(limit=10))) > 20
    assert client.tools.search(query="greet")
    client.agents.tools.attach(made.id, agent_id=agent_id)
    assert everything(client.agents.tools.list(agent_id, limit=2))
    assert client.agents.tools.run(name, agent_id=agent_id, args={"who": "me"}).status == "success"
    assert client.agents.tools.run(name, agent_id=agent_id, args={"whom": "me"}).status == "error"
    client.agents.tools.update_approval(name, agent_id=agent_id, body_requires_approval=True)
    client.agents.tools.detach(made.id, agent_id=agent_id)
    client.tools.delete(made.id)


@journey
def folders(client: Any, model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    made = client.folders.create(name=fresh("folder"), embedding=EMBEDDING, description="Papers.")
    client.folders.retrieve(made.id)
    client.folders.update(made.id, instructions="Read them.", metadata={"a": 1})
    client.agents.folders.attach(made.id, agent_id=agent_id)
    sent = client.folders.files.upload(made.id, file=("tea.txt", b"Tea is green.\nOr black.\n"))
    broken = client.folders.files.upload(made.id, file=("broken.pdf", b"%PDF-1.7\nno more"))
    for file in (sent, broken):
        until(partial(_settled, client, made.id, file.id))
    assert len(everything(client.folders.files.list(made.id, limit=1, include_content=True))) == 2
    assert everything(client.folders.list(limit=1))
    assert client.get(f"/v1/folders/{made.id}/passages", cast_to=object)
    assert everything(client.folders.agents.list(made.id)) == [agent_id]
    assert everything(client.agents.folders.list(agent_id))
    assert everything(client.agents.files.list(agent_id, limit=1))
    client.agents.files.open(sent.id, agent_id=agent_id)
    client.agents.retrieve(agent_id, include=ALL_RELATIONS)
    look = Call("grep_files", {"pattern": "tea"})
    client.agents.messages.create(agent_id, input=model.script(Reply(calls=[look]), Reply("Green.")).say())
    client.agents.files.close(sent.id, agent_id=agent_id)
    client.agents.files.close_all(agent_id)
    client.agents.folders.detach(made.id, agent_id=agent_id)
    client.folders.files.delete(sent.id, folder_id=made.id)
    client.folders.delete(made.id)


def _settled(client: Any, folder_id: str, file_id: str) -> bool:
    file = client.folders.files.retrieve(file_id, folder_id=folder_id)
    return file.processing_status in {"completed", "error"}


@journey
def identities(client: Any, _model: ScriptedModel) -> None:
    """The client can attach identities, and not make them."""
    agent_id = new_agent(client)
    made: Any = client.post(
        "/v1/identities/", cast_to=object, body={"identifier_key": fresh("key"), "name": "A", "identity_type": "user"}
    )
    client.agents.identities.attach(made["id"], agent_id=agent_id)
    client.agents.retrieve(agent_id, include=ALL_RELATIONS)
    client.agents.identities.detach(made["id"], agent_id=agent_id)


@journey
def mcp_servers(client: Any, model: ScriptedModel) -> None:
    config = {"mcp_server_type": "stdio", "command": sys.executable, "args": [str(OFFERING), "stdio"]}
    made = client.mcp_servers.create(server_name=fresh("server"), config=config)
    elsewhere = {"mcp_server_type": "streamable_http", "server_url": "https://mcp.example/mcp", "auth_token": "t"}
    other = client.mcp_servers.create(server_name=fresh("server"), config=elsewhere)
    client.mcp_servers.retrieve(made.id)
    assert len(client.mcp_servers.list()) == 2
    offered = {tool.name: tool.id for tool in client.mcp_servers.tools.list(made.id)}
    add = offered["add_numbers"]
    client.mcp_servers.tools.retrieve(add, mcp_server_id=made.id)
    assert client.mcp_servers.tools.run(add, mcp_server_id=made.id, args={"a": 1, "b": 2}).func_return == "3"
    client.mcp_servers.refresh(made.id)
    name = fresh("server")
    client.mcp_servers.update(made.id, server_name=name, config=config)
    agent_id = new_agent(client, tool_ids=[add])
    call = Call("add_numbers", {"a": 20, "b": 22})
    client.agents.messages.create(agent_id, input=model.script(Reply(calls=[call]), Reply("42.")).say())
    older = f"/v1/tools/mcp/servers/{name}"
    assert client.get(f"{older}/tools", cast_to=object)
    client.post(f"{older}/add_numbers", cast_to=object)
    client.post(f"{older}/tools/add_numbers/execute", cast_to=object, body={"args": {"a": 1, "b": 2}})
    for server in (made, other):
        client.mcp_servers.delete(server.id)


@journey
def models(client: Any, _model: ScriptedModel) -> None:
    assert client.models.list()
    assert client.models.embeddings.list()


@journey
def templates(client: Any, _model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    made = client.templates.create(type="agent", agent_id=agent_id, name=fresh("template").replace("_", "-"))
    saved = client.templates.save(made.name, message="Better.")
    file = json.loads(client.agents.export_file(agent_id))
    client.templates.update(made.name, agent_file_json=file)
    client.templates.agents.create(f"{made.name}:latest", agent_name=fresh("agent"), tags=["made"])
    client.templates.rollback(made.name, version=saved.latest_version)
    client.templates.delete(made.name)


@journey
def schedules(client: Any, _model: ScriptedModel) -> None:
    agent_id = new_agent(client)
    said = [{"role": "user", "content": "Good morning."}]
    for schedule in (
        {"type": "one-time", "scheduled_at": LATER},
        {"type": "recurring", "cron_expression": "0 9 1 1 *"},
    ):
        made = client.agents.schedule.create(agent_id, messages=said, schedule=schedule)
        client.agents.schedule.retrieve(made.id, agent_id=agent_id)
    assert len(client.agents.schedule.list(agent_id).scheduled_messages) == 2
    client.agents.schedule.delete(made.id, agent_id=agent_id)


@journey
def access_tokens(client: Any, _model: ScriptedModel) -> None:
    policy = [{"type": "agent", "id": new_agent(client), "access": ["read_messages", "write_messages"]}]
    made = client.access_tokens.create(hostname="https://app.example", policy=policy)
    assert client.access_tokens.list().tokens
    client.access_tokens.delete(made.token)


@journey
def environments(client: Any, _model: ScriptedModel) -> None:
    """The hosted product's machines, of which there are none here."""
    for ask in (
        client.environments.list,
        lambda: client.environments.retrieve("device"),
        lambda: client.environments.send_message("connection", messages=[]),
    ):
        with pytest.raises(InternalServerError, match="501"):
            ask()


@journey
def what_the_client_has_no_method_for(client: Any, model: ScriptedModel) -> None:
    def ask(method: str, path: str, listed: list[Any] | None = None, **fields: Any) -> Any:
        content = {"body": fields if listed is None else listed} if method != "get" else {}
        return getattr(client, method)(f"/v1/{path}", cast_to=object, **content)

    one, other = new_agent(client), new_agent(client)
    for path in ("health/", "ready/", "providers/", "jobs/", "sources/", "runs/active", "sandbox-config/"):
        ask("get", path)
    for path in ("context", "core-memory", "groups"):
        ask("get", f"agents/{one}/{path}")
    ask("post", f"agents/{one}/export")
    ask("post", f"agents/{one}/generate", prompt="Say hello.")
    ask("post", f"agents/{one}/messages/preview-raw-payload", input="Hello.")
    _groups_and_identities(ask, one, other)
    _default_conversation(ask, one, model)
    _providers(ask, model)
    organization = ask("post", "admin/orgs/", name=fresh("org"))
    ask("post", "admin/users/", name=fresh("user"), organization_id=organization["id"])
    ask("get", "admin/orgs/")
    ask("get", "admin/users/")
    ask("post", "sandbox-config/local/default")
    ask("get", "sandbox-config/")
    ask("get", "_internal_runs/")
    source = _GREET.format(name=fresh("greet"))
    ask("post", "tools/run", source_code=source, args={})
    ask("post", "tools/generate-schema", code=source)
    ask("post", "tools/add-base-tools")
    ask("get", "tools/mcp/servers")


def _groups_and_identities(ask: Callable[..., Any], one: str, other: str) -> None:
    managed = {"manager_type": "supervisor", "manager_agent_id": other}
    group = ask("post", "groups/", agent_ids=[one], description="Two.", manager_config=managed)["id"]
    for path in (f"groups/{group}", f"groups/{group}/messages", "groups/", f"agents/{one}/groups"):
        ask("get", path)
    ask("patch", f"groups/{group}", description="Both.")
    person = {"identifier_key": fresh("key"), "name": "A", "identity_type": "user", "agent_ids": [one]}
    identity = ask("post", "identities/", **person)["id"]
    ask("put", "identities/", **person)
    ask("patch", f"identities/{identity}", name="B")
    ask("put", f"identities/{identity}/properties", [{"key": "a", "value": 1, "type": "number"}])
    for path in ("identities/", f"identities/{identity}/agents", f"identities/{identity}/blocks"):
        ask("get", path)


def _default_conversation(ask: Callable[..., Any], agent_id: str, model: ScriptedModel) -> None:
    said = {"input": model.script(Reply("Hello.")).say(), "agent_id": agent_id, "streaming": False}
    answer = ask("post", "conversations/default/messages", **said)
    step_id = answer["messages"][0]["step_id"]
    for path in (
        f"telemetry/{step_id}",
        f"runs/{answer['messages'][0]['run_id']}/metrics",
        f"conversations/default/messages?agent_id={agent_id}",
    ):
        ask("get", path)
    ask("post", f"conversations/default/fork?agent_id={agent_id}")


def _providers(ask: Callable[..., Any], model: ScriptedModel) -> None:
    address = {"provider_type": "openai", "api_key": "sk-mine", "base_url": model.base_url}
    ask("post", "providers/check", **address)
    added = ask("post", "providers/", name=fresh("mine"), **address)["id"]
    ask("get", f"providers/{added}")
    ask("get", "providers/")
    ask("post", f"providers/{added}/check")
    ask("patch", f"providers/{added}", api_key="sk-other")
    ask("patch", f"providers/{added}/refresh")
    ask("delete", f"providers/{added}")
