"""Agents as tools of other programs."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from mcp import Client

from letta.testing.scripted_model import Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.mcp_endpoint.conftest import PASSWORD, Asking
from tests.support.waiting import until
from tests.talking import AgentTalk

Json = dict[str, Any]
AskingWith = Callable[..., Asking]
pytestmark = pytest.mark.slow

NAMES = [
    "list_agents",
    "send_message",
    "read_memory_blocks",
    "write_memory_block",
    "replace_in_memory_block",
    "search_archival_memory",
    "insert_archival_memory",
    "search_conversations",
]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_are_described(asking: Asking, mode: str) -> None:
    tools = asking(lambda client: client.list_tools(), mode=mode).tools
    assert [tool.name for tool in tools] == NAMES
    assert all(tool.description and tool.input_schema["properties"] for tool in tools)
    reading = [tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint]
    assert reading == ["list_agents", "read_memory_blocks", "search_archival_memory", "search_conversations"]


def test_agents_are_found(asking: Asking, owner: httpx2.Client) -> None:
    talk = AgentTalk(owner, name="Librarian", description="Knows books")
    assert {"id": talk.id, "name": "Librarian", "description": "Knows books"} in json.loads(asking.call("list_agents"))
    assert [one["id"] for one in json.loads(asking.call("list_agents", search="brari"))] == [talk.id]
    assert "Ada" not in asking.call("read_memory_blocks", agent="Librarian")


def test_an_agent_is_asked_and_remembers(asking: Asking, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Hello, Ada."))
    assert asking.call("send_message", agent=talk.id, message=script.say("Hello.")) == "Hello, Ada."
    asking.call("send_message", agent=talk.id, message="And?", conversation="a project")
    assert "Hello." not in json.dumps(model.requests()[-1].body["messages"])
    asking.call("send_message", agent=talk.id, message="Still there?")
    assert "Hello, Ada." in json.dumps(model.requests()[-1].body["messages"])
    found = json.loads(asking.call("search_conversations", query="Hello", agent=talk.id))
    assert {one["agent_id"] for one in found} == {talk.id}
    assert any("Hello, Ada." in one["content"] for one in found)
    assert json.loads(asking.call("search_conversations", query=""))


def test_memory_is_read_and_edited(asking: Asking, talk: AgentTalk) -> None:
    (block,) = json.loads(asking.call("read_memory_blocks", agent=talk.id))
    assert (block["label"], block["value"]) == ("human", "Name: Ada.")
    asking.call("replace_in_memory_block", agent=talk.id, label="human", old_text="Ada", new_text="Ada L.")
    assert talk.block("human") == "Name: Ada L.."
    asking.call("write_memory_block", agent=talk.id, label="human", value="tea tea")
    assert "2 times" in asking.refused(
        "replace_in_memory_block", agent=talk.id, label="human", old_text="tea", new_text="coffee"
    )
    assert "nothing" in asking.refused("write_memory_block", agent=talk.id, label="nothing", value="x")
    assert talk.block("human") == "tea tea"


def test_passages_are_kept_and_found(asking: Asking, talk: AgentTalk) -> None:
    asking.call("insert_archival_memory", agent=talk.id, text="The kettle is blue.", tags=["kitchen"])
    (found,) = json.loads(asking.call("search_archival_memory", agent=talk.id, query="kettle", tags=["kitchen"]))
    assert (found["content"], found["tags"]) == ("The kettle is blue.", ["kitchen"])
    assert "text" in asking.refused("insert_archival_memory", agent=talk.id, text=" ")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_long_turn_gives_signs_of_life(asking: Asking, talk: AgentTalk, model: ScriptedModel, mode: str) -> None:
    """Clients give up after a minute without any."""
    script = model.script(Reply("At last.", delay=1.5))
    signs: list[float] = []

    async def note(progress: float, total: float | None, message: str | None) -> None:
        assert (total, message) == (None, "The agent is working.")
        signs.append(progress)

    async def ask(client: Client) -> Any:
        arguments = {"agent": talk.id, "message": script.say()}
        return await client.call_tool("send_message", arguments, progress_callback=note)

    assert asking(ask, mode=mode).content[0].text == "At last."
    assert len(signs) >= 3
    assert signs == sorted(signs)


def test_a_turn_goes_on_without_whoever_began_it(owner: httpx2.Client, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("At last.", hold=True))
    with pytest.raises(httpx2.TimeoutException):
        post(owner, "tools/call", {"name": "send_message", "arguments": {"agent": talk.id, "message": script.say()}}, 1)
    script.release()
    assert until(lambda: [m for m in talk.history() if m.get("content") == "At last."])


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("nothing", {}, "The tools: list_agents"),
        ("send_message", {"agent": "nobody", "message": "Hello."}, "list_agents"),
        ("send_message", {"agent": "nobody"}, "message: Field required"),
        ("list_agents", {"limit": 0}, "limit"),
    ],
)
def test_mistakes_are_told_in_words(asking: Asking, tool: str, arguments: Json, told: str) -> None:
    assert told in asking.refused(tool, **arguments)


def test_a_failed_turn_is_told(asking: Asking, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(error=Failure("auth")))
    assert "failed" in asking.refused("send_message", agent=talk.id, message=script.say())


def test_two_agents_of_one_name_are_told_apart(asking: Asking, owner: httpx2.Client) -> None:
    for _ in range(2):
        AgentTalk(owner, name="Twin")
    assert "Several agents" in asking.refused("read_memory_blocks", agent="Twin")


def post(http: httpx2.Client, method: str, params: Json, seconds: float = 30, **headers: str) -> httpx2.Response:
    sent = {"accept": "application/json, text/event-stream", "mcp-protocol-version": "2025-06-18"} | headers
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return http.post("/mcp", json=body, headers=sent, timeout=seconds)


def test_any_instance_can_answer_any_request(owner: httpx2.Client) -> None:
    """No session begins anywhere: a balancer may send each request elsewhere."""
    answer = post(owner, "tools/list", {})
    assert answer.status_code == 200, answer.text
    assert "mcp-session-id" not in answer.headers
    assert "send_message" in answer.text
    assert owner.get("/mcp").status_code == 405
    assert owner.get("/mcp").headers["allow"] == "POST"
    assert owner.delete("/mcp").status_code == 405


def test_nobody_comes_in_without_the_password(guarded: ServerProcess) -> None:
    with httpx2.Client(base_url=guarded.url, trust_env=False) as stranger:
        assert post(stranger, "tools/list", {}).status_code == 401
        assert post(stranger, "tools/list", {}, authorization="Bearer wrong").status_code == 401
        assert post(stranger, "tools/list", {}, authorization=f"Bearer {PASSWORD}").status_code == 200


def test_pages_of_other_sites_come_in_nowhere(http: httpx2.Client) -> None:
    """Without a password, a page in a browser on this machine could else reach it by a name of its own."""
    assert post(http, "tools/list", {}).status_code == 200
    assert post(http, "tools/list", {}, origin="https://evil.example").status_code == 403
    assert post(http, "tools/list", {}, host="evil.example").status_code == 403


def test_a_key_opens_its_agents_alone(asking_with: AskingWith, owner: httpx2.Client) -> None:
    one, other = AgentTalk(owner, name="One of two"), AgentTalk(owner, name="Other of two")
    asking = asking_with("write", one.id)
    assert [agent["id"] for agent in json.loads(asking.call("list_agents"))] == [one.id]
    assert asking.call("send_message", agent="One of two", message="Hello.")
    assert asking.call("search_conversations", query="Hello", agent=one.id)
    for tool, arguments in {
        "send_message": {"message": "Hello."},
        "read_memory_blocks": {},
        "insert_archival_memory": {"text": "x"},
        "search_conversations": {"query": "x"},
    }.items():
        assert "There is no agent" in asking.refused(tool, agent=other.id, **arguments)
    assert "limited to certain agents" in asking.refused("search_conversations", query="Hello")


def test_a_key_for_reading_changes_nothing(asking_with: AskingWith, talk: AgentTalk) -> None:
    asking = asking_with("read")
    assert asking.call("read_memory_blocks", agent=talk.id)
    before = talk.history()
    for tool, arguments in {
        "send_message": {"message": "Hello."},
        "write_memory_block": {"label": "human", "value": ""},
        "replace_in_memory_block": {"label": "human", "old_text": "Ada", "new_text": ""},
        "insert_archival_memory": {"text": "x"},
    }.items():
        assert "it needs write_" in asking.refused(tool, agent=talk.id, **arguments)
    assert talk.block("human") == "Name: Ada."
    assert talk.history() == before


def test_users_act_in_their_own_organization(owner: httpx2.Client, talk: AgentTalk) -> None:
    made = owner.post("/v1/admin/orgs", json={"name": "Elsewhere"}).json()["id"]
    user = owner.post("/v1/admin/users", json={"name": "Bo", "organization_id": made}).json()["id"]
    answer = post(owner, "tools/call", {"name": "list_agents", "arguments": {}}, user_id=user)
    assert talk.id not in answer.text
    assert talk.id in post(owner, "tools/call", {"name": "list_agents", "arguments": {}}).text
