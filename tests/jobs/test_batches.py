"""Batches: turns of many agents that nobody waits for; in order, once, and with all their results."""

from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Failure, Reply, ScriptedModel
from tests.support.waiting import until
from tests.talking import AgentTalk

Json = dict[str, Any]

UNKNOWN = "123e4567-e89b-42d3-8456-426614174000"


def send(http: httpx2.Client, *requests: Json, **fields: Any) -> Json:
    answer = http.post("/v1/messages/batches", json={"requests": list(requests)} | fields)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def job(http: httpx2.Client, batch: Json) -> Json:
    return dict(http.get(f"/v1/messages/batches/{batch['id']}").raise_for_status().json())


def ended(http: httpx2.Client, batch: Json) -> Json:
    until(lambda: job(http, batch)["completed_at"], 30)
    return job(http, batch)


def messages(http: httpx2.Client, batch: Json, **query: Any) -> list[Json]:
    path = f"/v1/messages/batches/{batch['id']}/messages"
    return list(http.get(path, params={"order": "asc"} | query).raise_for_status().json()["messages"])


def test_a_batch_is_carried_out(http: httpx2.Client, model: ScriptedModel) -> None:
    talks = [AgentTalk(http) for _ in range(3)]
    batch = send(http, *({"agent_id": talk.id, "input": model.script(Reply("Yes.")).say()} for talk in talks))
    assert (batch["job_type"], batch["status"], batch["completed_at"]) == ("batch", "created", None)
    assert batch["metadata"]["request_counts"]["created"] == 3
    done = ended(http, batch)
    assert done["status"] == "completed"
    assert done["metadata"]["request_counts"] == {
        "total": 3, "created": 0, "running": 0, "completed": 3, "failed": 0, "cancelled": 0
    }  # fmt: skip
    assert done["total_duration_ns"] > 0
    assert all(talk.history()[-1]["content"] == "Yes." for talk in talks)
    said = messages(http, batch)
    assert sorted(message["role"] for message in said) == ["assistant"] * 3 + ["user"] * 3
    assert {message["agent_id"] for message in messages(http, batch, agent_id=talks[0].id)} == {talks[0].id}
    assert len(messages(http, batch, limit=1)) == 1


def test_turns_of_one_agent_follow_each_other(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http)
    script = model.script(Reply("First."))
    requests = [{"agent_id": talk.id, "messages": [{"role": "user", "content": f"{n}"}]} for n in range(5)]
    batch = send(http, {"agent_id": talk.id, "input": script.say("begin")}, *requests)
    assert ended(http, batch)["status"] == "completed"
    said = [m["content"] for m in talk.history() if m["message_type"] == "user_message"]
    assert [text[:5] for text in said] == ["begin", "0", "1", "2", "3", "4"]


def test_one_that_fails_stops_no_other(http: httpx2.Client, model: ScriptedModel) -> None:
    talks = [AgentTalk(http) for _ in range(2)]
    broken = model.script(Reply(error=Failure("auth")))
    batch = send(http, {"agent_id": talks[0].id, "input": broken.say()}, {"agent_id": talks[1].id, "input": "Hi"})
    done = ended(http, batch)
    counts = done["metadata"]["request_counts"]
    assert (done["status"], counts["failed"], counts["completed"]) == ("completed", 1, 1)
    alone = send(http, {"agent_id": talks[0].id, "input": broken.say()})
    assert ended(http, alone)["status"] == "failed"


def test_cancelling(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http)
    held = model.script(Reply("Later.", hold=True))
    batch = send(http, {"agent_id": talk.id, "input": held.say()}, {"agent_id": talk.id, "input": "Never."})
    held.wait_asked(1)
    assert job(http, batch)["status"] == "running"
    refused = http.delete(f"/v1/jobs/{batch['id']}")
    assert (refused.status_code, "Cancel" in refused.json()["detail"]) == (409, True)
    active = [each["id"] for each in http.get("/v1/jobs", params={"active": True}).json()]
    assert batch["id"] in active
    assert batch["id"] in [each["id"] for each in http.get("/v1/jobs/active").json()]
    assert http.patch(f"/v1/messages/batches/{batch['id']}/cancel").json() is None
    done = ended(http, batch)
    assert (done["status"], done["metadata"]["request_counts"]["cancelled"]) == ("cancelled", 2)
    assert "Never." not in str(talk.history())
    again = http.patch(f"/v1/jobs/{batch['id']}/cancel").json()
    assert again["status"] == "cancelled"
    held.release()


def test_jobs_are_listed_and_deleted(http: httpx2.Client) -> None:
    talk = AgentTalk(http)
    first, second = (send(http, {"agent_id": talk.id, "input": "Hi"}) for _ in range(2))
    ended(http, second)
    ended(http, first)
    for path in ("/v1/jobs", "/v1/messages/batches"):
        ids = [each["id"] for each in http.get(path, params={"limit": 2}).json()]
        assert ids == [second["id"], first["id"]]
    assert http.get(f"/v1/jobs/{first['id']}").json() == job(http, first)
    assert http.get("/v1/jobs", params={"source_id": "none"}).json() == []
    deleted = http.delete(f"/v1/jobs/{first['id']}").json()
    assert deleted["id"] == first["id"]
    assert http.get(f"/v1/jobs/{first['id']}").status_code == 404
    assert len(talk.history()) >= 5, "what was said stays"


def test_a_batch_that_is_over_stays_as_it_ended(http: httpx2.Client) -> None:
    batch = send(http, {"agent_id": AgentTalk(http).id, "input": "Hi"})
    assert ended(http, batch)["status"] == "completed"
    http.patch(f"/v1/jobs/{batch['id']}/cancel").raise_for_status()
    assert job(http, batch)["status"] == "completed"


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"requests": []}, 400, "requests is empty"),
        ({"requests": [{"agent_id": f"agent-{UNKNOWN}", "input": "Hi"}]}, 404, UNKNOWN),
        ({"requests": [{"agent_id": f"agent-{UNKNOWN}"}]}, 422, "input"),
        ({"requests": [{"agent_id": f"agent-{UNKNOWN}", "messages": []}]}, 422, "empty"),
        (
            {"requests": [{"agent_id": f"agent-{UNKNOWN}", "input": "Hi"}], "callback_url": "http://127.0.0.1/x"},
            400,
            "callback",
        ),
    ],
)
def test_refusals_say_what_is_wrong(http: httpx2.Client, body: Json, status: int, text: str) -> None:
    answer = http.post("/v1/messages/batches", json=body)
    assert answer.status_code == status, answer.text
    assert text in answer.text or status == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"/v1/jobs/job-{UNKNOWN}"),
        ("DELETE", f"/v1/jobs/job-{UNKNOWN}"),
        ("PATCH", f"/v1/jobs/job-{UNKNOWN}/cancel"),
        ("GET", f"/v1/messages/batches/job-{UNKNOWN}"),
        ("GET", f"/v1/messages/batches/job-{UNKNOWN}/messages"),
        ("PATCH", f"/v1/messages/batches/job-{UNKNOWN}/cancel"),
    ],
)
def test_jobs_that_are_not_there(http: httpx2.Client, method: str, path: str) -> None:
    answer = http.request(method, path)
    assert (answer.status_code, UNKNOWN in answer.json()["detail"]) == (404, True)
