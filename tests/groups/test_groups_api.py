"""Groups over HTTP: who belongs to them, how they are managed, and what their agents share."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.talking import AgentTalk

Json = dict[str, Any]

UNKNOWN = "123e4567-e89b-42d3-8456-426614174000"
FIELDS = {
    *("id", "manager_type", "agent_ids", "description", "project_id", "template_id", "base_template_id"),
    *("deployment_id", "shared_block_ids", "manager_agent_id", "termination_token", "max_turns"),
    *("sleeptime_agent_frequency", "turns_counter", "last_processed_message_id", "max_message_buffer_length"),
    *("min_message_buffer_length", "hidden"),
}


@pytest.fixture
def talks(http: httpx2.Client) -> list[AgentTalk]:
    return [AgentTalk(http) for _ in range(3)]


def new_group(talks: list[AgentTalk], **fields: Any) -> Json:
    """A group of the first two agents."""
    body = {"agent_ids": [talk.id for talk in talks[:2]], "description": "a group"} | fields
    return dict(talks[0].http.post("/v1/groups/", json=body).raise_for_status().json())


def block_of(http: httpx2.Client, label: str = "shared") -> str:
    return str(http.post("/v1/blocks", json={"label": label, "value": "v"}).raise_for_status().json()["id"])


def labels(talk: AgentTalk) -> list[str]:
    return [block["label"] for block in talk.retrieve("blocks")["blocks"]]


def test_a_group_as_it_is_answered(talks: list[AgentTalk]) -> None:
    made = new_group(talks, manager_config={"manager_type": "round_robin"})
    assert made.keys() == FIELDS
    assert made["agent_ids"] == [talks[0].id, talks[1].id]
    given = {"manager_type", "agent_ids", "description", "id", "shared_block_ids"}
    assert {name for name, value in made.items() if value is not None} == given
    assert talks[0].http.get(f"/v1/groups/{made['id']}").json() == made


@pytest.mark.parametrize(
    ("manager", "told"),
    [
        ({"manager_type": "round_robin", "max_turns": 3}, {"max_turns": 3}),
        ({"manager_type": "supervisor"}, {"max_turns": None}),
        ({"manager_type": "dynamic"}, {"termination_token": "DONE!"}),
        ({"manager_type": "dynamic", "termination_token": None, "max_turns": 9}, {"termination_token": None}),
        ({"manager_type": "sleeptime"}, {"sleeptime_agent_frequency": None, "turns_counter": -1}),
    ],
)
def test_managers(talks: list[AgentTalk], manager: Json, told: Json) -> None:
    managed = manager["manager_type"] != "round_robin"
    config = manager | ({"manager_agent_id": talks[2].id} if managed else {})
    made = new_group(talks, manager_config=config)
    assert made == made | told | {"manager_type": manager["manager_type"]}
    assert made["manager_agent_id"] == (talks[2].id if managed else None)
    state = talks[2].retrieve("managed_group")
    assert state["managed_group"] == state["multi_agent_group"] == (made if managed else None)


def test_changes(talks: list[AgentTalk]) -> None:
    http, made = talks[0].http, new_group(talks)
    path = f"/v1/groups/{made['id']}"
    assert http.patch(path, json={"description": "patched"}).json() == made | {"description": "patched"}
    ids = [talks[2].id, talks[0].id]
    assert http.patch(path, json={"agent_ids": ids}).json()["agent_ids"] == ids
    refused = http.patch(path, json={"manager_config": {"manager_type": "dynamic"}})
    assert (refused.status_code, "manager_agent_id" in refused.json()["detail"]) == (400, True)
    dynamic = {"manager_type": "dynamic", "manager_agent_id": talks[1].id, "max_turns": 4}
    changed = http.patch(path, json={"manager_config": dynamic}).json()
    assert changed == changed | dynamic
    kept = http.patch(path, json={"manager_config": {"manager_type": "dynamic", "termination_token": "END"}}).json()
    assert kept == changed | {"termination_token": "END"}
    back = http.patch(path, json={"manager_config": {"manager_type": "round_robin"}}).json()
    assert (back["manager_agent_id"], back["max_turns"], back["termination_token"]) == (None, None, None)


def test_lists_filters_and_counts(talks: list[AgentTalk]) -> None:
    http, project = talks[0].http, f"project-{uuid4()}"
    before = http.get("/v1/groups/count").json()
    supervisor = {"manager_type": "supervisor", "manager_agent_id": talks[2].id}
    first, second = (
        new_group(talks, project_id=project),
        new_group(talks, project_id=project, manager_config=supervisor),
    )

    def ids(path: str = "/v1/groups/", **query: Any) -> list[str]:
        return [group["id"] for group in http.get(path, params=query).raise_for_status().json()]

    assert http.get("/v1/groups/count").json() == before + 2
    assert ids(project_id=project) == [first["id"], second["id"]]
    assert ids(project_id=project, order="desc", limit=1) == [second["id"]]
    assert ids(project_id=project, after=first["id"]) == [second["id"]]
    assert ids(project_id=project, manager_type="supervisor") == [second["id"]]
    assert ids(f"/v1/agents/{talks[0].id}/groups") == [second["id"], first["id"]]
    assert ids(f"/v1/agents/{talks[0].id}/groups", manager_type="round_robin") == [first["id"]]
    assert ids(f"/v1/agents/{talks[2].id}/groups") == []
    assert http.delete(f"/v1/groups/{first['id']}").json() is None
    assert http.get(f"/v1/groups/{first['id']}").status_code == 404
    http.delete(f"/v1/agents/{talks[0].id}").raise_for_status()
    assert http.get(f"/v1/groups/{second['id']}").json()["agent_ids"] == [talks[1].id]
    http.delete(f"/v1/agents/{talks[2].id}").raise_for_status()
    assert ids(project_id=project) == [], "without its supervisor there is no such group"


def test_blocks_are_shared_by_all_agents_of_a_group(talks: list[AgentTalk]) -> None:
    http = talks[0].http
    supervisor = {"manager_type": "supervisor", "manager_agent_id": talks[2].id}
    made = new_group(talks, shared_block_ids=[block_of(http, "from the start")], manager_config=supervisor)
    assert [labels(talk) for talk in talks] == [["from the start"]] * 3
    block = block_of(http, "later")
    for _ in range(2):
        assert http.patch(f"/v1/groups/{made['id']}/blocks/attach/{block}").json() is None
    assert [labels(talk) for talk in talks] == [["from the start", "later"]] * 3
    assert block in http.get(f"/v1/groups/{made['id']}").json()["shared_block_ids"]
    clash = http.patch(f"/v1/groups/{made['id']}/blocks/attach/{block_of(http, 'later')}")
    assert (clash.status_code, "'later'" in clash.json()["detail"]) == (409, True)
    joining = AgentTalk(http)
    http.patch(f"/v1/groups/{made['id']}", json={"agent_ids": [joining.id]}).raise_for_status()
    assert sorted(labels(joining)) == ["from the start", "later"]
    assert http.patch(f"/v1/groups/{made['id']}/blocks/detach/{block}").json() is None
    assert [labels(joining), labels(talks[2])] == [["from the start"]] * 2
    assert http.get(f"/v1/blocks/{block}").status_code == 200


def test_messages_of_a_group(talks: list[AgentTalk]) -> None:
    http, made = talks[0].http, new_group(talks)
    path = f"/v1/groups/{made['id']}"
    assert http.get(f"{path}/messages").json() == []
    for talk in talks[:2]:
        talk.send({"role": "user", "content": f"For {talk.id}.", "group_id": made["id"]})
    listed = http.get(f"{path}/messages", params={"order": "asc"}).json()
    assert [message["content"] for message in listed] == [f"For {talk.id}." for talk in talks[:2]]
    changed = http.patch(f"{path}/messages/{listed[0]['id']}", json={"message_type": "user_message", "content": "New."})
    assert changed.json()["content"] == "New."
    other = talks[0].history()[0]["id"]
    assert http.patch(f"{path}/messages/{other}", json={"content": "x"}).status_code == 404
    assert http.patch(f"{path}/reset-messages").json() is None
    assert http.get(f"{path}/messages").json() == []
    assert "New." in [message.get("content") for message in talks[0].history()]


def test_nothing_can_be_sent_to_a_group(talks: list[AgentTalk]) -> None:
    made = new_group(talks)
    assert talks[0].http.post(f"/v1/groups/{made['id']}/messages", json={"input": "Hi"}).status_code == 405


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "text"),
    [
        ("POST", "/v1/groups", {"description": "d"}, 422, "agent_ids"),
        ("POST", "/v1/groups", {"agent_ids": [f"agent-{UNKNOWN}"], "description": "d"}, 404, UNKNOWN),
        (
            "POST",
            "/v1/groups",
            {"agent_ids": [], "description": "d", "manager_config": {"manager_type": "supervisor"}},
            422,
            "manager_agent_id",
        ),
        (
            "POST",
            "/v1/groups",
            {"agent_ids": [], "description": "d", "manager_config": {"manager_type": "swarm"}},
            422,
            "manager_config",
        ),
        (
            "POST",
            "/v1/groups",
            {
                "agent_ids": [],
                "description": "d",
                "manager_config": {"manager_type": "voice_sleeptime", "manager_agent_id": f"agent-{UNKNOWN}"},
            },
            501,
            "sleeptime",
        ),
        (
            "POST",
            "/v1/groups",
            {"agent_ids": [], "description": "d", "shared_block_ids": [f"block-{UNKNOWN}"]},
            404,
            "block",
        ),
        ("GET", f"/v1/groups/group-{UNKNOWN}", None, 404, UNKNOWN),
        ("PATCH", f"/v1/groups/group-{UNKNOWN}", {"description": "x"}, 404, UNKNOWN),
        ("DELETE", f"/v1/groups/group-{UNKNOWN}", None, 404, UNKNOWN),
        ("GET", f"/v1/groups/group-{UNKNOWN}/messages", None, 404, UNKNOWN),
        ("PATCH", f"/v1/groups/group-{UNKNOWN}/reset-messages", None, 404, UNKNOWN),
        ("PATCH", f"/v1/groups/group-{UNKNOWN}/blocks/attach/block-{UNKNOWN}", None, 404, "block"),
        ("GET", f"/v1/agents/agent-{UNKNOWN}/groups", None, 404, UNKNOWN),
        ("GET", "/v1/groups/nonsense", None, 422, "group"),
    ],
)
def test_refusals_say_what_is_wrong(
    http: httpx2.Client, method: str, path: str, body: object, status: int, text: str
) -> None:
    answer = http.request(method, path, json=body)
    assert (answer.status_code, text in answer.json()["detail"]) == (status, True), answer.text
