"""Identities over HTTP: what they are, and which agents and blocks are theirs."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from letta_client import Letta

from tests.talking import AgentTalk

Json = dict[str, Any]
NewIdentity = Callable[..., Json]

UNKNOWN = "123e4567-e89b-42d3-8456-426614174000"
FIELDS = {
    *("id", "identifier_key", "name", "identity_type", "project_id", "agent_ids", "block_ids", "organization_id"),
    "properties",
}
EMAIL = {"key": "email", "value": "x@y.z", "type": "string"}


@pytest.fixture
def new_identity(http: httpx2.Client) -> NewIdentity:
    """Makes an identity with a key of its own."""

    def make(**fields: Any) -> Json:
        body = {"identifier_key": f"key-{uuid4()}", "name": "Ada", "identity_type": "user"} | fields
        return dict(http.post("/v1/identities/", json=body).raise_for_status().json())

    return make


def test_an_identity_as_it_is_answered(new_identity: NewIdentity, http: httpx2.Client) -> None:
    made = new_identity(properties=[EMAIL, {"key": "age", "value": 42, "type": "number"}])
    assert made.keys() == FIELDS
    assert made["properties"] == [EMAIL, {"key": "age", "value": 42, "type": "number"}]
    assert (made["agent_ids"], made["block_ids"], made["project_id"]) == ([], [], None)
    assert http.get(f"/v1/identities/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("value", "kind"), [("a", "string"), (1, "number"), (1.5, "number"), (True, "boolean"), ({"a": [None]}, "json")]
)
def test_values_of_properties_keep_their_types(new_identity: NewIdentity, value: object, kind: str) -> None:
    kept = new_identity(properties=[{"key": "k", "value": value, "type": kind}])["properties"][0]["value"]
    assert kept == value
    assert type(kept) is type(value)


def test_a_key_is_unique_within_its_project(new_identity: NewIdentity, http: httpx2.Client) -> None:
    made = new_identity()
    body = {"identifier_key": made["identifier_key"], "name": "Dup", "identity_type": "org"}
    refused = http.post("/v1/identities", json=body)
    assert refused.status_code == 409
    assert made["identifier_key"] in refused.json()["detail"]
    other = http.post("/v1/identities", json=body | {"project_id": "p"}).raise_for_status().json()
    assert (other["project_id"], other["id"] != made["id"]) == ("p", True)
    by_header = http.put("/v1/identities", json=body, headers={"X-Project": "p"}).raise_for_status().json()
    assert by_header["id"] == other["id"]
    taken = http.patch(f"/v1/identities/{new_identity()['id']}", json={"identifier_key": made["identifier_key"]})
    assert taken.status_code == 409


def test_upsert_keeps_what_is_left_out(new_identity: NewIdentity, http: httpx2.Client) -> None:
    made = new_identity(properties=[EMAIL])
    body = {"identifier_key": made["identifier_key"], "name": "Upserted", "identity_type": "other"}
    changed = http.put("/v1/identities", json=body).raise_for_status().json()
    assert changed == made | {"name": "Upserted", "identity_type": "other"}
    fresh = http.put("/v1/identities", json=body | {"identifier_key": f"key-{uuid4()}"}).raise_for_status().json()
    assert fresh["id"] != made["id"]
    assert fresh["properties"] == []


def test_properties_are_replaced_as_a_whole(new_identity: NewIdentity, http: httpx2.Client) -> None:
    made = new_identity(properties=[EMAIL])
    age = [{"key": "age", "value": 42, "type": "number"}]
    assert http.put(f"/v1/identities/{made['id']}/properties", json=age).json()["properties"] == age
    assert http.patch(f"/v1/identities/{made['id']}", json={"name": "B"}).json()["properties"] == age


def test_agents_and_blocks_of_an_identity(new_identity: NewIdentity, http: httpx2.Client, client: Letta) -> None:
    talk, block = AgentTalk(http), client.blocks.create(label="a", value="b")
    made = new_identity(agent_ids=[talk.id], block_ids=[block.id])
    assert (made["agent_ids"], made["block_ids"]) == ([talk.id], [block.id])
    assert [agent["id"] for agent in http.get(f"/v1/identities/{made['id']}/agents").json()] == [talk.id]
    assert [found["id"] for found in http.get(f"/v1/identities/{made['id']}/blocks").json()] == [block.id]
    state = talk.retrieve("identities")
    assert (state["identity_ids"], state["identities"]) == ([made["id"]], [made])
    assert [agent.id for agent in client.agents.list(identity_id=made["id"])] == [talk.id]
    assert [agent.id for agent in client.agents.list(identifier_keys=[made["identifier_key"], "none"])] == [talk.id]
    assert [found.id for found in client.blocks.list(identity_id=made["id"])] == [block.id]
    assert [found.id for found in client.blocks.list(identifier_keys=[made["identifier_key"]])] == [block.id]
    assert not list(client.agents.list(identity_id=made["id"], identifier_keys=["none"]))
    emptied = http.patch(f"/v1/identities/{made['id']}", json={"agent_ids": [], "block_ids": []}).json()
    assert (emptied["agent_ids"], emptied["block_ids"]) == ([], [])


def test_the_official_client_attaches_and_detaches(new_identity: NewIdentity, client: Letta) -> None:
    first, second = new_identity()["id"], new_identity()["id"]
    agent = client.agents.create(model="openai-proxy/gpt-4o-mini", identity_ids=[first, first])
    assert agent.identity_ids == [first]
    for _ in range(2):
        assert client.agents.identities.attach(second, agent_id=agent.id) is None

    def held() -> list[str]:
        return client.agents.retrieve(agent.id, include=["agent.identities"]).identity_ids or []

    assert held() == [first, second]
    assert client.agents.retrieve(agent.id).identity_ids == []
    for _ in range(2):
        assert client.agents.identities.detach(first, agent_id=agent.id) is None
    assert held() == [second]
    assert client.agents.update(agent.id, identity_ids=[first]).identity_ids == [first]
    assert client.agents.update(agent.id, name="B").identity_ids == [first]
    assert client.agents.update(agent.id, identity_ids=[]).identity_ids == []


def test_blocks_are_attached_and_detached(new_identity: NewIdentity, http: httpx2.Client, client: Letta) -> None:
    made, block = new_identity(), client.blocks.create(label="a", value="b", tags=["t"])
    path = f"/v1/blocks/{block.id}/identities"
    for _ in range(2):
        assert http.patch(f"{path}/attach/{made['id']}").json() == http.get(f"/v1/blocks/{block.id}").json()
    assert http.get(f"/v1/identities/{made['id']}").json()["block_ids"] == [block.id]
    assert http.patch(f"{path}/detach/{made['id']}").json()["tags"] == ["t"]
    assert http.get(f"/v1/identities/{made['id']}").json()["block_ids"] == []


def test_lists_filters_and_counts(new_identity: NewIdentity, http: httpx2.Client) -> None:
    before = http.get("/v1/identities/count").json()
    project = f"project-{uuid4()}"
    made = [
        new_identity(project_id=project, name=name, identity_type=kind) for name, kind in (("A", "org"), ("B", "user"))
    ]

    def ids(**query: Any) -> list[str]:
        answer = http.get("/v1/identities/", params={"project_id": project, "order": "asc"} | query)
        return [identity["id"] for identity in answer.raise_for_status().json()]

    first, second = (identity["id"] for identity in made)
    assert http.get("/v1/identities/count").json() == before + 2
    assert ids() == [first, second]
    assert ids(order="desc", limit=1) == [second]
    assert ids(after=first) == [second]
    assert ids(before=second) == [first]
    assert ids(name="B") == ids(identity_type="user") == [second]
    assert ids(identifier_key=made[0]["identifier_key"]) == [first]
    assert ids(name="C") == ids(project_id="none") == []


def test_deleting_leaves_agents_alone(new_identity: NewIdentity, http: httpx2.Client) -> None:
    talk, made = AgentTalk(http), new_identity()
    http.patch(f"/v1/identities/{made['id']}", json={"agent_ids": [talk.id]}).raise_for_status()
    deleted = http.delete(f"/v1/identities/{made['id']}")
    assert (deleted.status_code, deleted.json()) == (200, None)
    assert http.get(f"/v1/identities/{made['id']}").status_code == 404
    assert talk.retrieve("identities")["identities"] == []
    other = new_identity(agent_ids=[talk.id])
    http.delete(f"/v1/agents/{talk.id}").raise_for_status()
    assert http.get(f"/v1/identities/{other['id']}").json()["agent_ids"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/v1/identities", {"identifier_key": "k", "name": "n"}, 422, "identity_type"),
        (
            "POST",
            "/v1/identities",
            {"identifier_key": "k", "name": "n", "identity_type": "robot"},
            422,
            "identity_type",
        ),
        ("POST", "/v1/identities", {"identifier_key": "", "name": "n", "identity_type": "user"}, 422, "identifier_key"),
        (
            "POST",
            "/v1/identities",
            {"identifier_key": "k", "name": "n", "identity_type": "user", "agent_ids": [f"agent-{UNKNOWN}"]},
            404,
            UNKNOWN,
        ),
        (
            "PUT",
            "/v1/identities",
            {"identifier_key": "k", "name": "n", "identity_type": "user", "block_ids": [f"block-{UNKNOWN}"]},
            404,
            UNKNOWN,
        ),
        ("GET", f"/v1/identities/identity-{UNKNOWN}", None, 404, UNKNOWN),
        ("PATCH", f"/v1/identities/identity-{UNKNOWN}", {"name": "n"}, 404, UNKNOWN),
        ("PUT", f"/v1/identities/identity-{UNKNOWN}/properties", [EMAIL], 404, UNKNOWN),
        ("DELETE", f"/v1/identities/identity-{UNKNOWN}", None, 404, UNKNOWN),
        ("GET", f"/v1/identities/identity-{UNKNOWN}/agents", None, 404, UNKNOWN),
        ("GET", f"/v1/identities/identity-{UNKNOWN}/blocks", None, 404, UNKNOWN),
        ("PATCH", f"/v1/agents/agent-{UNKNOWN}/identities/attach/identity-{UNKNOWN}", None, 404, "agent"),
        ("PATCH", f"/v1/blocks/block-{UNKNOWN}/identities/detach/identity-{UNKNOWN}", None, 404, "block"),
        ("GET", "/v1/identities/key-1", None, 422, "identity"),
    ],
)
def test_refusals_say_what_is_wrong(
    http: httpx2.Client, method: str, path: str, body: object, status: int, text: str
) -> None:
    answer = http.request(method, path, json=body)
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True), answer.text


def test_a_refused_upsert_leaves_nothing(http: httpx2.Client) -> None:
    key = f"key-{uuid4()}"
    body = {"identifier_key": key, "name": "n", "identity_type": "user", "agent_ids": [f"agent-{UNKNOWN}"]}
    assert http.put("/v1/identities", json=body).status_code == 404
    assert http.get("/v1/identities", params={"identifier_key": key}).json() == []
