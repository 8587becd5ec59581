"""Custom tools at work: in turns, by their agent, from a source, and with a client of their own."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with

Json = dict[str, Any]
PASSWORD = "a-password-for-tools"
SECONDS = 4
MODEL = "openai-proxy/gpt-4o-mini"


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    """A server with a password and little patience."""
    with server_with(
        postgres_uri, scripted_model, LETTA_SERVER_PASSWORD=PASSWORD, TOOL_SANDBOX_TIMEOUT=str(SECONDS)
    ) as running:
        yield running


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {PASSWORD}"}
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False, headers=headers) as opened:
        yield opened


@pytest.fixture
def name() -> str:
    return f"t{uuid.uuid4().hex[:10]}"


NewAgent = Callable[..., str]


@pytest.fixture
def new_agent(http: httpx2.Client) -> NewAgent:
    """Makes an agent that has one tool, of this source."""

    def make(source: str, *, tool: Json | None = None, **fields: Any) -> str:
        created = http.post("/v1/tools", json={"source_code": source, **(tool or {})})
        assert created.status_code == 200, created.text
        body = {
            "tool_ids": [created.json()["id"]],
            "include_base_tools": False,
            "include_base_tool_rules": False,
            "model": MODEL,
        }
        made = http.post("/v1/agents", json=body | {"memory_blocks": [{"label": "human", "value": "Bo"}]} | fields)
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    return make


def source(name: str, body: str, signature: str = "", explained: str = "") -> str:
    arguments = f"\n\n    Args:\n        {explained}\n    " if explained else ""
    return f'def {name}({signature}):\n    """Do it.{arguments}"""\n    {body}\n'


def turn(
    http: httpx2.Client, model: ScriptedModel, agent_id: str, name: str, arguments: Json | str
) -> tuple[Json, Json]:
    """The return of one call in a turn, and what the model is told of it."""
    model.reset()
    script = model.script(Reply(calls=[Call(name, arguments)]), Reply("Done."))
    answer = http.post(
        f"/v1/agents/{agent_id}/messages", json={"messages": [{"role": "user", "content": script.say()}]}
    )
    assert answer.status_code == 200, answer.text
    messages = answer.json()["messages"]
    assert messages[-1]["content"] == "Done."
    returned = next(m for m in messages if m["message_type"] == "tool_return_message")
    told = json.loads(script.requests[1].body["messages"][-1]["content"])
    return returned, told


def test_a_call_in_a_turn(http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str) -> None:
    agent = new_agent(
        source(name, "print('said')\n    return {'sum': x + y}", "x: int, y: int = 1", "x: a\n        y: b")
    )
    returned, told = turn(http, model, agent, name, {"x": "4", "request_heartbeat": True})
    assert (returned["status"], returned["tool_return"], returned["name"]) == ("success", '{"sum": 5}', name)
    assert (returned["stdout"], returned["stderr"]) == (["said\n"], [])
    assert (told["status"], told["message"]) == ("OK", '{"sum": 5}')


FAILURES: dict[str, tuple[str, Json | str, str]] = {
    "exception": ("raise ValueError('no such city')", {"x": 1}, "ValueError: no such city"),
    "missing": ("return x", {}, "TypeError: the argument 'x' is missing"),
    "of another type": ("return x", {"x": "abc"}, "'x' must be of type integer, but is \"abc\""),
    "unknown": ("return x", {"x": 1, "z": 2}, "there is no argument 'z'. The arguments are: x"),
    "time": ("import time; time.sleep(60)", {"x": 1}, f"TimeoutError: the function had not returned after {SECONDS} "),
    "exit": ("import sys; sys.exit(3)", {"x": 1}, "SystemExit: 3"),
}


@pytest.mark.parametrize(("body", "arguments", "told"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_told_to_the_model_and_the_turn_goes_on(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str, body: str, arguments: Json, told: str
) -> None:
    agent = new_agent(source(name, body, "x: int", "x: a"))
    returned, shown = turn(http, model, agent, name, arguments)
    assert returned["status"] == "error"
    assert returned["tool_return"].startswith(f"Error executing function {name}: ")
    assert told in returned["tool_return"]
    assert returned["stderr"]
    assert told in shown["message"]


def test_arguments_that_are_no_json_are_told(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str
) -> None:
    returned, _ = turn(http, model, new_agent(source(name, "return x", "x: int", "x: a")), name, "{oops")
    assert returned["status"] == "error"
    assert "not valid JSON" in returned["tool_return"]


def test_long_returns_are_cut(http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str) -> None:
    agent = new_agent(source(name, "return 'q' * 5000"), tool={"return_char_limit": 100})
    returned, told = turn(http, model, agent, name, {})
    assert returned["tool_return"].count("q") == 100
    assert told["message"].count("q") == 100


def test_what_the_environment_holds(http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str) -> None:
    agent = new_agent(source(name, "import os\n    return dict(os.environ)"), secrets={"CITY": "Bern"})
    returned, _ = turn(http, model, agent, name, {})
    variables = json.loads(returned["tool_return"])
    assert (variables["CITY"], variables["LETTA_AGENT_ID"]) == ("Bern", agent)
    assert variables["LETTA_TOOL_ID"].startswith("tool-")
    assert variables["LETTA_API_KEY"].startswith("letta-run-")
    assert PASSWORD not in returned["tool_return"]
    assert "postgres" not in returned["tool_return"]


def test_agent_state_is_a_copy_of_the_agent(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str
) -> None:
    body = "return [agent_state.id, agent_state.memory.get_block('human').value, agent_state.tools[0].name]"
    agent = new_agent(source(name, body, "agent_state: 'AgentState'"))
    assert json.loads(turn(http, model, agent, name, {})[0]["tool_return"]) == [agent, "Bo", name]


def test_a_client_works_on_its_own_agent(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str
) -> None:
    body = (
        "import os\n    own = os.environ['LETTA_AGENT_ID']\n"
        "    client.agents.blocks.update('human', agent_id=own, value='Ada')\n"
        "    return client.agents.retrieve(own).name"
    )
    agent = new_agent(source(name, body), name="Writer")
    assert turn(http, model, agent, name, {})[0]["tool_return"] == "Writer"
    assert http.get(f"/v1/agents/{agent}/core-memory/blocks/human").json()["value"] == "Ada"


def test_a_client_made_by_hand_works_too(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str
) -> None:
    body = "import os, letta_client\n    return letta_client.Letta().agents.retrieve(os.environ['LETTA_AGENT_ID']).id"
    agent = new_agent(source(name, body))
    assert turn(http, model, agent, name, {})[0]["tool_return"] == agent


FORBIDDEN = {
    "another agent": "client.agents.retrieve(other)",
    "its own end": "client.agents.delete(own)",
    "blocks of others": "client.blocks.list()",
    "new tools": "client.tools.create(source_code='def f(): pass')",
    "running itself": "client.agents.tools.run(tool, agent_id=own)",
    "a way around": "client.get(f'/v1/agents/{own}/../../tools', cast_to=object)",
}


@pytest.mark.parametrize("call", FORBIDDEN.values(), ids=FORBIDDEN)
def test_a_client_opens_nothing_else(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str, call: str
) -> None:
    other = new_agent(source(f"{name}o", "pass"))
    body = (
        f"import os\n    own = os.environ['LETTA_AGENT_ID']\n    other, tool = {other!r}, {name!r}\n    return {call}"
    )
    agent = new_agent(source(name, body))
    returned, _ = turn(http, model, agent, name, {})
    assert returned["status"] == "error"
    assert "403" in returned["tool_return"] or "404" in returned["tool_return"]
    assert http.get(f"/v1/agents/{agent}").status_code == 200


def test_a_client_sees_no_agent_but_its_own(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str
) -> None:
    agent = new_agent(source(name, "return [each.id for each in client.agents.list()]"))
    new_agent(source(f"{name}o", "pass"))
    assert turn(http, model, agent, name, {})[0]["tool_return"] == f'["{agent}"]'


def test_the_key_is_void_after_the_run(
    http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str
) -> None:
    agent = new_agent(source(name, "import os\n    return os.environ['LETTA_API_KEY']"))
    key = turn(http, model, agent, name, {})[0]["tool_return"]
    answer = http.get(f"/v1/agents/{agent}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401
    assert "has ended" in answer.json()["detail"]


def test_run_by_its_agent(server: ServerProcess, new_agent: NewAgent, http: httpx2.Client, name: str) -> None:
    agent = new_agent(source(name, "return {'x': x}", "x: int", "x: a"), secrets={"A": "1"})
    with server.client() as client:
        ran = client.agents.tools.run(name, agent_id=agent, args={"x": "3"})
    assert (ran.status, ran.func_return, ran.stdout, ran.stderr) == ("success", {"x": 3}, [], [])
    failed = http.post(f"/v1/agents/{agent}/tools/{name}/run", json={}).json()
    assert (failed["status"], failed["func_return"]) == ("error", None)
    assert "'x' is missing" in failed["stderr"][0]
    assert http.post(f"/v1/agents/{agent}/tools/nope/run", json={"args": {}}).status_code == 404


def test_a_builtin_tool_is_not_run_without_a_turn(http: httpx2.Client, new_agent: NewAgent, name: str) -> None:
    agent = new_agent(source(name, "pass"), tools=["memory_insert"])
    answer = http.post(f"/v1/agents/{agent}/tools/memory_insert/run", json={"args": {}})
    assert answer.status_code == 400
    assert "turn" in answer.json()["detail"]


def test_run_from_source(http: httpx2.Client) -> None:
    body: Json = {
        "source_code": source("env", "import os\n    print('out')\n    return os.environ['A']"),
        "args": {},
        "env_vars": {"A": "1"},
        "name": "env",
    }
    answer = http.post("/v1/tools/run", json=body).json()
    item = {"type": "tool", "tool_return": "1", "status": "success", "tool_call_id": "null", "stdout": ["out\n"]}
    assert answer.pop("date")
    assert answer == {
        **dict.fromkeys(("otid", "sender_id", "step_id", "is_err", "seq_id", "run_id")),
        "id": "null",
        "name": "env",
        "message_type": "tool_return_message",
        "tool_return": "1",
        "status": "success",
        "tool_call_id": "null",
        "stdout": ["out\n"],
        "stderr": [],
        "tool_returns": [item | {"stderr": []}],
    }


def test_run_from_source_has_no_agent(http: httpx2.Client) -> None:
    body: Json = {"source_code": source("f", "return client.agents.list()"), "args": {}}
    assert "The client is not available: the tool is not run for an agent" in http.post("/v1/tools/run", json=body).text
    typescript = body | {"source_type": "typescript", "name": "f"}
    assert "only runs Python tools" in http.post("/v1/tools/run", json=typescript).text


def test_the_official_client_creates_and_runs(server: ServerProcess, name: str) -> None:
    with server.client() as client:
        assert isinstance(client, Letta)
        tool = client.tools.create(source_code=source(name, "return 'hi'"))
        agent = client.agents.create(tool_ids=[tool.id], include_base_tools=False, model=MODEL)
        assert client.agents.tools.run(tool.name or "", agent_id=agent.id, args={}).func_return == "hi"


def test_a_program_of_the_agents_own(http: httpx2.Client, model: ScriptedModel, new_agent: NewAgent, name: str) -> None:
    agent = new_agent(source(name, "pass"), tools=["run_code"], secrets={"CITY": "Bern"})
    code = "import os\nprint('said')\nos.environ.get('CITY')"
    returned, told = turn(http, model, agent, "run_code", {"code": code, "language": "python"})
    result = {"results": [], "logs": {"stdout": ["said\n"], "stderr": []}}
    assert (returned["status"], json.loads(returned["tool_return"]), returned["stdout"]) == (
        "success",
        result,
        ["said\n"],
    )
    assert json.loads(told["message"]) == result
    missing, _ = turn(http, model, agent, "run_code", {"code": code})
    assert (missing["status"], "'language'" in missing["tool_return"]) == ("error", True)
