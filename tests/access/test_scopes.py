"""A key opens what its scopes name, and nothing else: tried on every operation that there is."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from letta.access.grants import OF_AGENTS, of_scopes
from letta.access.operations import RULES
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.access.conftest import PASSWORD, Json, Open
from tests.access.password_only import PASSWORD_ONLY
from tests.hostile.operations import Operation, operations
from tests.hostile.things import things
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

MakeKey = Callable[..., str]
MakeAgent = Callable[..., str]

THEIRS, OURS = "Zebrafink", "Dompfaff"
CLOSED = {401, 403, 404}
ELSEWHERE = {
    "POST /v1/client-side-access-tokens",  # see TestEscalation in test_keys.py
    "GET /v1/tools/mcp/oauth/callback",  # open to whoever knows what a sign-in began with
}


@dataclass
class World:
    """Two agents of one organization with all that belongs to them, and all operations."""

    theirs: dict[str, str]
    ours: dict[str, str]
    operations: list[Operation]


@pytest.fixture(scope="module")
def world(guarded: ServerProcess, scripted_model: ScriptedModel) -> Iterator[World]:
    scripted_model.reset()
    headers = {"authorization": f"Bearer {PASSWORD}"}
    with httpx2.Client(base_url=guarded.url, headers=headers, timeout=60, trust_env=False) as http:
        yield World(
            things(http, THEIRS), things(http, OURS), [each for each in operations(http) if str(each) not in ELSEWHERE]
        )


def test_a_key_for_one_agent_reaches_nothing_of_another(
    world: World, owner: httpx2.Client, key: MakeKey, opened: Open
) -> None:
    program = opened(key("write", agent_ids=[world.ours["agent_id"]]))
    reached, told = {}, {}
    for each in world.operations:
        answer = program.request(**each.request(world.theirs))
        text = answer.text
        for known in world.theirs.values():
            text = text.replace(known, "")
        if THEIRS in text:
            told[str(each)] = answer.text
        rule = RULES.get(str(each))
        looks_itself = rule is not None and (rule.is_own or not rule.needs)
        if answer.status_code not in CLOSED and not looks_itself:
            reached[str(each)] = (answer.status_code, answer.text[:200])
    assert told == {}
    assert reached == {}


def test_nothing_of_another_agent_can_be_brought_to_its_own(world: World, key: MakeKey, opened: Open) -> None:
    """An id of another agent's beside that of its own: in the rest of the path, in the query, in the body."""
    program = opened(key("write", agent_ids=[world.ours["agent_id"]]))
    reached = {}
    for each in world.operations:
        first = each.path_parameters[:1]
        own = {name: world.ours[name] for name in first}
        others = {name: value for name, value in world.theirs.items() if name not in first}
        if each.refers_to(others):
            answer = program.request(**each.request(others, others | own))
            if answer.status_code not in CLOSED:
                reached[str(each)] = (answer.status_code, answer.text[:200])
    assert reached == {}


def test_lists_of_the_whole_organization_are_closed_to_it(world: World, key: MakeKey, opened: Open) -> None:
    """With its own agent named as an empty, or odd, value as well: as the list would take it for none."""
    program = opened(key("write", agent_ids=[world.ours["agent_id"]]))
    without_ids = [each for each in world.operations if not each.path_parameters]
    for each in without_ids:
        for value in (
            [],
            [""],
            ["null"],
            [world.ours["agent_id"], ""],
            [world.ours["agent_id"], world.theirs["agent_id"]],
        ):
            request = each.request({})
            request["params"] = {"agent_id": value}
            if isinstance(request.get("json"), dict):
                request["json"] |= {"agent_id": value[-1] if value else None}
            answer = program.request(**request)
            rule = RULES.get(str(each))
            shows_all = answer.status_code not in CLOSED and rule is not None and rule.needs and not rule.is_own
            assert not shows_all, (str(each), value, answer.text[:300])
            assert THEIRS not in answer.text


def test_its_own_agent_is_open_to_it(world: World, key: MakeKey, opened: Open) -> None:
    """All that reads, with its own ids: what is for single agents is answered, the rest refused."""
    program = opened(key("read", agent_ids=[world.ours["agent_id"]]))
    read = of_scopes(["read"], None).everywhere & OF_AGENTS
    for each in world.operations:
        rule = RULES.get(str(each))
        answer = program.request(**each.request(world.ours)) if each.verb == "get" else None
        if answer is not None and rule is not None and "/compare/" not in each.path:
            assert answer.status_code == (200 if rule.needs <= read else 403), (str(each), answer.text[:300])


@pytest.mark.parametrize("scopes", [["read"], ["write"]])
def test_a_scope_opens_no_operation_beyond_it(
    world: World, owner: httpx2.Client, key: MakeKey, opened: Open, scopes: list[str]
) -> None:
    program = opened(key(*scopes))
    held = of_scopes(scopes, None).everywhere
    missing = {name: name.replace("_", "-") for name in world.theirs}
    for each in world.operations:
        rule = RULES.get(str(each))
        if str(each) in PASSWORD_ONLY or (rule is not None and not rule.needs <= held):
            answer = program.request(**each.request(missing))
            assert answer.status_code == 403, (str(each), answer.text[:300])
            told = answer.json()
            assert told.get("detail") or told["error"]["message"]


def test_a_key_for_single_agents_does_its_work(key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
    agent = new_agent(memory_blocks=[{"label": "human", "value": "Ada"}])
    program = opened(key("write", agent_ids=[agent]))
    talk = AgentTalk.of(program, agent)
    said = talk.say("Hello.")
    run_id = said["messages"][0]["run_id"]
    assert program.get(f"/v1/runs/{run_id}").json()["agent_id"] == agent
    assert [run["id"] for run in program.get("/v1/runs", params={"agent_id": agent}).json()] == [run_id]
    steps = program.get("/v1/steps", params={"agent_id": agent}).json()
    assert program.get(f"/v1/steps/{steps[0]['id']}").status_code == 200
    conversation = program.post("/v1/conversations", params={"agent_id": agent}, json={}).json()["id"]
    body = {"input": "And here?", "streaming": False}
    assert program.post(f"/v1/conversations/{conversation}/messages", json=body).status_code == 200
    assert program.post("/v1/conversations/default/messages", json=body | {"agent_id": agent}).status_code == 200
    assert program.post("/v1/conversations/default/messages", json=body).status_code == 403
    block = program.get(f"/v1/agents/{agent}/core-memory/blocks/human").json()["id"]
    assert program.patch(f"/v1/blocks/{block}", json={"value": "Bo"}).status_code == 200
    asked = {"model": agent, "messages": [{"role": "user", "content": "Hi."}]}
    assert program.post("/v1/chat/completions", json=asked).status_code == 200
    assert program.post("/v1/messages/search", json={"query": "Hello", "agent_id": agent}).status_code == 200
    assert program.patch(f"/v1/agents/{agent}", json={"description": "Busy"}).json()["description"] == "Busy"
    assert program.delete(f"/v1/agents/{agent}").status_code == 403
    beside = program.patch(f"/v1/agents/{agent}", json={"enable_sleeptime": True})
    assert (beside.status_code, "requires write," in beside.json()["detail"]) == (403, True), "it would make an agent"
    assert program.patch(f"/v1/agents/{agent}", json={"enable_sleeptime": False}).status_code == 200


def test_a_key_for_single_agents_finds_these_in_lists(key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
    agents, other = [new_agent(tags=["lists"]) for _ in range(2)], new_agent(tags=["lists"])
    program = opened(key("read", agent_ids=agents))
    assert [agent["id"] for agent in program.get("/v1/agents").json()] == agents[::-1]
    (second,) = program.get("/v1/agents", params={"limit": 1, "after": agents[1], "tags": "lists"}).json()
    assert second["id"] == agents[0]
    assert program.get("/v1/agents", params={"after": other}).status_code == 404
    assert program.get("/v1/agents/count").json() == 2
    assert program.get("/v1/_internal_agents/count").json() == 2
    everywhere = opened(key("read"))
    listed = everywhere.get("/v1/agents", params={"tags": "lists"}).json()
    assert [agent["id"] for agent in listed] == [other, *agents[::-1]]


def test_who_may_not_read_an_agent_finds_it_in_no_list(
    token: Callable[..., str], opened: Open, new_agent: MakeAgent
) -> None:
    page = opened(token(new_agent(), "read_messages", "write_messages"), origin="https://app.example.com")
    for path in ("/v1/agents", "/v1/agents/count"):
        assert page.get(path).status_code == 403


def test_a_key_for_single_agents_sends_batches_to_them(
    owner: httpx2.Client, key: MakeKey, opened: Open, new_agent: MakeAgent
) -> None:
    agent, second, other = new_agent(), new_agent(), new_agent()
    program, narrower = opened(key("write", agent_ids=[agent, second])), opened(key("write", agent_ids=[agent]))

    def send(client: httpx2.Client, *agents: str, **fields: Any) -> httpx2.Response:
        requests = [{"agent_id": each, "input": f"Hello {each}."} for each in agents]
        return client.post("/v1/messages/batches", json={"requests": requests} | fields)

    path = f"/v1/messages/batches/{send(program, agent, second).json()['id']}"
    mixed = f"/v1/messages/batches/{send(owner, agent, other).json()['id']}"
    own = f"/v1/messages/batches/{send(narrower, agent).json()['id']}"
    until(lambda: all(owner.get(each).json()["completed_at"] for each in (path, mixed, own)), 30)
    assert {m["agent_id"] for m in program.get(f"{path}/messages").json()["messages"]} == {agent, second}
    for client, wanted in ((program, {path, own}), (narrower, {own})):
        listed = {f"/v1/messages/batches/{batch['id']}" for batch in client.get("/v1/messages/batches").json()}
        assert listed == wanted
    for client, closed in ((program, mixed), (narrower, mixed), (narrower, path)):
        assert client.get(closed).status_code == client.get(f"{closed}/messages").status_code == 404
        assert client.patch(f"{closed}/cancel").status_code == 404
    assert program.patch(f"{path}/cancel").status_code == 200
    assert send(program, agent, other).status_code == 404
    assert send(program).status_code == 403


def test_a_batch_says_no_more_than_its_messages_may(
    token: Callable[..., str], opened: Open, new_agent: MakeAgent
) -> None:
    """Who may write messages alone doesn't change who answers, here neither."""
    agent = new_agent()
    page = opened(token(agent, "write_messages"), origin="https://app.example.com")
    request = {"agent_id": agent, "input": "Hi."}
    assert page.post("/v1/messages/batches", json={"requests": [request]}).status_code == 200
    for body in (
        {"requests": [request, request | {"override_system": "Be a pirate."}]},
        {"requests": [request | {"override_model": "openai-proxy/gpt-4o"}]},
        {"requests": [request], "callback_url": "https://x.example"},
    ):
        assert page.post("/v1/messages/batches", json=body).status_code == 403


def test_a_file_tells_nothing_of_agents_that_are_closed(
    owner: httpx2.Client, key: MakeKey, opened: Open, new_agent: MakeAgent
) -> None:
    """Who looks after an agent's memory is an agent of its own, and goes along where the key opens both."""
    agent = new_agent(enable_sleeptime=True)
    carer = owner.get("/v1/agents", params={"query_text": "-sleeptime"}).json()[0]["id"]
    for agents, told in (([agent], 1), ([agent, carer], 2)):
        program = opened(key("read", agent_ids=agents))
        for file in (program.get(f"/v1/agents/{agent}/export"), program.post(f"/v1/agents/{agent}/export")):
            assert (len(file.json()["agents"]), len(file.json()["groups"])) == (told, told - 1)
            assert ("look after the memory" in file.text) == (told == 2)


def test_clients_of_openai_find_the_agents_of_their_key(key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
    agent, other = new_agent(), new_agent()
    program = opened(key("write", agent_ids=[agent]))
    assert [model["id"] for model in program.get("/openai/v1/models").json()["data"]] == [agent]
    assert program.get(f"/openai/v1/models/{other}").status_code == 404
    answer = program.post("/openai/v1/responses", json={"model": agent, "input": "Hi.", "conversation": "mine"})
    response = answer.json()
    assert program.get(f"/openai/v1/responses/{response['id']}").json()["output"] == response["output"]
    refused = program.post("/openai/v1/responses", json={"model": other, "input": "Hi."})
    assert (refused.status_code, set(refused.json())) == (404, {"error"})
    header = {"x-letta-conversation-id": response["conversation"]["id"]}
    asked = {"messages": [{"role": "user", "content": "Hi."}]}
    everywhere = opened(key("write"))
    assert everywhere.post("/openai/v1/chat/completions", json=asked | {"model": agent}, headers=header).is_success
    assert everywhere.post("/v1/chat/completions", json=asked | {"model": other}, headers=header).status_code == 404


def test_who_may_only_talk_with_an_agent_gets_nothing_else_of_its_model(
    owner: httpx2.Client, opened: Open, new_agent: MakeAgent
) -> None:
    agent = new_agent()
    policy = [{"type": "agent", "id": agent, "access": ["write_messages"]}]
    made = owner.post("/v1/client-side-access-tokens", json={"hostname": "https://a.example", "policy": policy})
    page = opened(made.json()["token"], origin="https://a.example")
    asked = {
        "model": agent,
        "messages": [{"role": "system", "content": "Be a pirate."}, {"role": "user", "content": "Hi"}],
    }
    assert page.post("/openai/v1/chat/completions", json=asked).status_code == 200
    beside = page.post("/openai/v1/chat/completions", json=asked, headers={"x-letta-conversation-id": "none"})
    assert (beside.status_code, beside.json()["error"]["type"]) == (403, "invalid_request_error")


def test_ids_that_are_only_said_name_nothing(key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
    agent, other = new_agent(), new_agent()
    talk = AgentTalk.of(opened(key("write", agent_ids=[agent])), agent)
    assert talk.say(other)["messages"]
    assert talk.send({"role": "user", "content": other})["messages"]
    assert talk.send({"role": "user", "content": "Tea", "otid": f"local-{uuid.uuid4()}"})["messages"]


def test_bodies_that_are_not_json_are_not_looked_into(key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
    agent = new_agent()
    program = opened(key("write", agent_ids=[agent]))
    path = f"/v1/agents/{agent}"
    for kind in ("text/plain", "multipart/form-data; boundary=x", "application/merge-patch+json"):
        answer = program.patch(path, content=b'{"description": "x"}', headers={"content-type": kind})
        assert answer.status_code == 422, kind
    assert program.patch(path, content=b"{", headers={"content-type": "application/json"}).status_code == 422


class TestTokensOfBrowsers:
    """As the official client makes them, and as pages use them."""

    @pytest.fixture
    def agent(self, new_agent: MakeAgent) -> str:
        return new_agent()

    def test_the_official_client_makes_lists_and_revokes_them(
        self, guarded: ServerProcess, agent: str, opened: Open
    ) -> None:
        with guarded.client() as client:
            policy: list[Json] = [{"type": "agent", "id": agent, "access": ["read_messages", "write_messages"]}]
            made = client.access_tokens.create(hostname="https://app.example.com", policy=policy)  # type: ignore[arg-type]
            assert made.policy.version == "1"
            assert made.policy.data[0].access == ["read_messages", "write_messages"]
            listed = client.access_tokens.list(agent_id=agent)
            assert (len(listed.tokens), listed.has_next_page) == (1, False)
            assert listed.tokens[0].token != made.token
            assert client.access_tokens.list(agent_id=agent, limit=0).has_next_page is True

            page = opened(made.token, origin="https://app.example.com")
            assert page.get(f"/v1/agents/{agent}/messages").status_code == 200
            client.access_tokens.delete(made.token, body={})
            assert page.get(f"/v1/agents/{agent}/messages").status_code == 401
            assert client.access_tokens.list(agent_id=agent).tokens == []

            client.access_tokens.create(hostname="app.example.com", policy=policy)  # type: ignore[arg-type]
            by_id = client.access_tokens.list(agent_id=agent).tokens[0].token
            client.access_tokens.delete(by_id, body={})
            assert client.access_tokens.list(agent_id=agent).tokens == []

    @pytest.mark.parametrize(
        ("hostname", "origin", "status"),
        [
            ("app.example.com", "https://app.example.com", 200),
            ("app.example.com", "http://app.example.com:8080", 200),
            ("APP.example.com", "https://app.example.com", 200),
            ("https://app.example.com", "https://app.example.com", 200),
            ("https://app.example.com", "http://app.example.com", 403),
            ("http://localhost:5173", "http://localhost:5173", 200),
            ("localhost:5173", "http://localhost:3000", 403),
            ("app.example.com", "https://app.example.com.evil.example", 403),
            ("app.example.com", "https://evil.example", 403),
            ("app.example.com", "null", 403),
            ("app.example.com", "https://[", 403),
        ],
    )
    def test_they_are_for_one_site(
        self, token: Callable[..., str], opened: Open, agent: str, hostname: str, origin: str, status: int
    ) -> None:
        page = opened(token(agent, "read_agent", hostname=hostname), origin=origin)
        answer = page.get(f"/v1/agents/{agent}")
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] in {"*", origin}, "so that the page can read a refusal"

    def test_who_does_not_tell_where_it_comes_from(self, token: Callable[..., str], opened: Open, agent: str) -> None:
        made = token(agent, "read_agent", hostname="127.0.0.1")
        assert opened(made).get(f"/v1/agents/{agent}").status_code == 403
        same = opened(made, sec_fetch_site="same-origin")
        assert same.get(f"/v1/agents/{agent}").status_code == 200

    @pytest.mark.parametrize("access", sorted(OF_AGENTS))
    def test_each_access_opens_what_it_says(
        self, token: Callable[..., str], opened: Open, agent: str, access: str
    ) -> None:
        page = opened(token(agent, access), origin="https://app.example.com")
        path = f"/v1/agents/{agent}"
        found = {
            "read_agent": page.get(path),
            "write_agent": page.patch(path, json={"description": "x"}),
            "read_messages": page.get(f"{path}/messages"),
            "write_messages": page.post(f"{path}/messages", json={"input": "Hi."}),
        }
        assert {name: answer.status_code for name, answer in found.items()} == {
            name: 200 if name == access else 403 for name in found
        }

    @pytest.mark.parametrize("name", ["override_system", "override_model", "callback_url"])
    def test_who_may_write_messages_does_not_change_who_answers(
        self, token: Callable[..., str], opened: Open, agent: str, name: str
    ) -> None:
        page = opened(token(agent, "write_messages", "read_messages"), origin="https://app.example.com")
        answer = page.post(f"/v1/agents/{agent}/messages", json={"input": "Hi.", name: "https://x.example"})
        assert (answer.status_code, "write_agent" in answer.json()["detail"]) == (403, True)

    def test_they_make_no_others(self, token: Callable[..., str], opened: Open, agent: str) -> None:
        page = opened(token(agent, "read_agent"), origin="https://app.example.com")
        body = {"hostname": "a.example", "policy": [{"type": "agent", "id": agent, "access": ["read_agent"]}]}
        assert page.post("/v1/client-side-access-tokens", json=body).status_code == 403

    def test_a_browser_may_ask_whether_it_could_send_one(self, guarded: ServerProcess) -> None:
        asked = {"origin": "https://app.example.com", "access-control-request-method": "POST"}
        with httpx2.Client(base_url=guarded.url, trust_env=False) as page:
            assert "access-control-allow-origin" not in page.options("/v1/agents", headers=asked).headers
            headers = asked | {"access-control-request-headers": "authorization, content-type"}
            allowed = page.options("/v1/agents", headers=headers)
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in allowed.headers

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"hostname": ""}, "hostname"),
            ({"hostname": "https://a.example/path"}, "hostname"),
            ({"hostname": "a b://"}, "hostname"),
            ({"hostname": "a:99999"}, "hostname"),
            ({"policy": []}, "policy"),
            ({"policy": [{"type": "agent", "id": "agent-x", "access": ["read_agent"]}]}, "policy"),
            ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
            ({"expires_at": "tomorrow"}, "expires_at"),
        ],
    )
    def test_bad_input(self, owner: httpx2.Client, agent: str, change: Json, words: str) -> None:
        body = {"hostname": "a.example", "policy": [{"type": "agent", "id": agent, "access": ["read_agent"]}]}
        answer = owner.post("/v1/client-side-access-tokens", json=body | change)
        assert answer.status_code in {400, 422}
        assert words in answer.json()["detail"]


def test_wrong_keys_count_as_wrong_passwords(guarded: ServerProcess) -> None:
    """Last in this file: afterwards the address has to wait."""
    with httpx2.Client(base_url=guarded.url, trust_env=False) as http:
        statuses = [
            http.get("/v1/agents", headers={"authorization": f"Bearer letta_sk_{number}"}).status_code
            for number in range(21)
        ]
        assert (statuses[0], set(statuses), statuses[-1]) == (401, {401, 429}, 429)
        assert http.get("/v1/agents", headers={"authorization": f"Bearer {PASSWORD}"}).status_code == 429
