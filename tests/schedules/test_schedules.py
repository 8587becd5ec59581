"""Messages that are sent later: by real servers, one or two of them, that come and go."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest
from letta_client import Letta

from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.conftest import receiver
from tests.runs.instances import make
from tests.support.receiver import Receiver
from tests.support.servers import database_of, environment_of
from tests.support.waiting import until
from tests.talking import AgentTalk, Json

pytestmark = pytest.mark.slow

__all__ = ["receiver"]

DAILY = {"type": "recurring", "cron_expression": "0 9 * * *"}


def in_(seconds: float) -> Json:
    return {"type": "one-time", "scheduled_at": (time.time() + seconds) * 1000}


def schedule(talk: AgentTalk, when: Json, text: str = "Good morning.", **options: Any) -> str:
    body = {"messages": [{"role": "user", "content": text}], "schedule": when} | options
    made = talk.http.post(f"/v1/agents/{talk.id}/schedule", json=body)
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


def shown(talk: AgentTalk, scheduled_id: str) -> Json:
    answer: Json = talk.http.get(f"/v1/agents/{talk.id}/schedule/{scheduled_id}").raise_for_status().json()
    return answer


def runs(talk: AgentTalk) -> list[Json]:
    listed: list[Json] = talk.http.get("/v1/runs", params={"agent_id": talk.id, "order": "asc"}).json()
    return listed


def said(talk: AgentTalk) -> list[str]:
    return [message["content"] for message in talk.history() if message["message_type"] == "user_message"]


@pytest.fixture
def talk(http: httpx2.Client, model: ScriptedModel) -> AgentTalk:
    del model
    return make(http)


def test_all_a_client_does(client: Letta, talk: AgentTalk) -> None:
    messages: list[Any] = [{"role": "user", "content": [{"type": "text", "text": "Good morning."}]}]
    made = client.agents.schedule.create(
        talk.id, messages=messages, schedule={"type": "recurring", "cron_expression": "0 9 * * MON-FRI"}, max_steps=3
    )
    assert made.next_scheduled_at is not None
    following = datetime.fromisoformat(made.next_scheduled_at)
    assert (following.hour, following.minute) == (9, 0)
    assert following > datetime.now(UTC)

    found = client.agents.schedule.retrieve(made.id, agent_id=talk.id)
    assert (found.id, found.agent_id, found.next_scheduled_time) == (made.id, talk.id, made.next_scheduled_at)
    assert found.message.max_steps == 3
    assert found.message.messages[0].content[0].text == "Good morning."  # type: ignore[union-attr]
    assert found.schedule.to_dict() == {"type": "recurring", "cron_expression": "0 9 * * MON-FRI"}

    moment = time.time() * 1000 + 3_600_000
    once = client.agents.schedule.create(talk.id, messages=messages, schedule={"scheduled_at": moment})
    assert client.agents.schedule.retrieve(once.id, agent_id=talk.id).schedule.scheduled_at == moment  # type: ignore[union-attr]
    page = client.agents.schedule.list(talk.id, limit="1")
    assert ([each.id for each in page.scheduled_messages], page.has_next_page) == ([once.id], True)
    rest = client.agents.schedule.list(talk.id, after=once.id)
    assert ([each.id for each in rest.scheduled_messages], rest.has_next_page) == ([made.id], False)
    assert client.agents.schedule.delete(made.id, agent_id=talk.id).success
    assert [each.id for each in client.agents.schedule.list(talk.id).scheduled_messages] == [once.id]


def test_a_message_is_sent_when_its_time_has_come(talk: AgentTalk) -> None:
    scheduled_id = schedule(talk, in_(0.5), include_return_message_types=["assistant_message"])
    assert said(talk) == []
    until(lambda: shown(talk, scheduled_id)["next_scheduled_time"] is None)
    (run,) = runs(talk)
    until(lambda: talk.run(run["id"])["status"] == "completed")
    assert said(talk) == ["Good morning."]
    found = shown(talk, scheduled_id)
    assert (found["last_run_id"], found["last_error"]) == (run["id"], None)
    assert run["background"] is True
    metadata = run["metadata"]
    assert (metadata["run_type"], metadata["scheduled_message_id"]) == ("scheduled_message", scheduled_id)


def test_one_that_was_deleted_is_not_sent(talk: AgentTalk) -> None:
    schedule(talk, in_(1.0), "never")
    later = schedule(talk, in_(1.2), "this one")
    first = talk.http.get(f"/v1/agents/{talk.id}/schedule").json()["scheduled_messages"][1]["id"]
    assert talk.http.delete(f"/v1/agents/{talk.id}/schedule/{first}").json() == {"success": True}
    until(lambda: shown(talk, later)["last_run_id"] is not None)
    assert said(talk) == ["this one"]


def test_a_busy_agent_is_sent_it_later(talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Long.", hold=True))
    body = {"input": script.say("Think."), "background": True}
    talk.http.post(f"{talk.path}/async", json=body).raise_for_status()
    script.wait_asked(1)
    scheduled_id = schedule(talk, in_(0.1))
    until(lambda: shown(talk, scheduled_id)["last_error"] is not None)
    waiting = shown(talk, scheduled_id)
    assert "busy" in waiting["last_error"]
    assert waiting["next_scheduled_time"] is not None
    script.release()
    until(lambda: shown(talk, scheduled_id)["last_run_id"] is not None, seconds=15)
    assert said(talk)[-1] == "Good morning."
    assert shown(talk, scheduled_id)["last_error"] is None


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"messages": []}, 422, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, 422, "role"),
        ({"schedule": {"type": "recurring", "cron_expression": "every day"}}, 400, "cron_expression"),
        ({"schedule": {"type": "recurring", "cron_expression": "0 0 30 2 *"}}, 400, "cron_expression"),
        ({"schedule": {"scheduled_at": 1}}, 400, "scheduled_at"),
        ({"schedule": {"scheduled_at": "soon"}}, 422, "scheduled_at"),
        ({"schedule": {"type": "one-time"}}, 422, "scheduled_at"),
        ({"max_steps": -1}, 422, "max_steps"),
        ({"callback_url": "http://169.254.169.254/latest"}, 400, "169.254.169.254"),
    ],
)
def test_bad_input(talk: AgentTalk, change: Json, status: int, words: str) -> None:
    body = {"messages": [{"role": "user", "content": "x"}], "schedule": DAILY} | change
    answer = talk.http.post(f"/v1/agents/{talk.id}/schedule", json=body)
    assert (answer.status_code, words in answer.text) == (status, True), answer.text


def test_unknown_ones(talk: AgentTalk) -> None:
    nothing = "schedule-123e4567-e89b-42d3-8456-426614174000"
    other = make(talk.http)
    own = schedule(talk, DAILY)
    for method in ("GET", "DELETE"):
        assert talk.http.request(method, f"/v1/agents/{talk.id}/schedule/{nothing}").status_code == 404
        assert talk.http.request(method, f"/v1/agents/{other.id}/schedule/{own}").status_code == 404


class TestInstances:
    """One database and servers that come and go."""

    @pytest.fixture
    def environment(self, postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[dict[str, str]]:
        scripted_model.reset()
        with throwaway_schema(postgres_uri) as schema:
            private = {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"}
            yield environment_of(postgres_uri, schema, scripted_model) | private

    def test_what_was_missed_is_made_up_for_once_by_whoever_wakes_first(
        self, environment: dict[str, str], receiver: Receiver
    ) -> None:
        """Both servers wake with the same to do; what a crashed one had begun already isn't sent again."""
        with (
            ServerProcess(environment) as first,
            httpx2.Client(base_url=first.url, timeout=30, trust_env=False) as http,
        ):
            talks = [make(http) for _ in range(6)]
            once = [schedule(talk, in_(3600), "once") for talk in talks[:3]]
            daily = [
                schedule(talk, {"type": "recurring", "cron_expression": "* * * * *"}, "often") for talk in talks[3:5]
            ]
            late = schedule(talks[5], {"type": "recurring", "cron_expression": "0 0 29 2 *"}, "too late")
            begun = schedule(talks[0], in_(0.1), "begun", callback_url=receiver.address)
            until(lambda: receiver.received)
            assert receiver.told[0]["run_id"] == shown(talks[0], begun)["last_run_id"]
            first.kill()
            hours, days = "now() - interval '5 hours'", "now() - interval '3 days'"
            with database_of(first) as cursor:
                for moment, ids in ((hours, [*once, *daily]), (days, [late])):
                    cursor.execute(
                        f"UPDATE scheduled_messages SET occurs_at = {moment}, due_at = {moment} WHERE id = ANY(%s)",
                        (ids,),
                    )
                # As if the server had died after it had begun the run, and before it noted that.
                cursor.execute(
                    "UPDATE scheduled_messages SET due_at = now(), last_run_id = NULL, occurs_at = to_timestamp("
                    "scheduled_at / 1000) WHERE id = %s",
                    (begun,),
                )
            first.start(wait=False)
            with ServerProcess(environment):
                first.wait_healthy()
                for talk, scheduled_id in zip([*talks[:5], talks[0]], [*once, *daily, begun], strict=True):
                    until(lambda t=talk, s=scheduled_id: shown(t, s)["last_run_id"] is not None, seconds=20)  # type: ignore[misc]
                until(lambda: shown(talks[5], late)["last_error"] is not None)
                assert sorted(said(talks[0])) == ["begun", "once"]
                assert [said(talk) for talk in talks[1:3]] == [["once"]] * 2
                assert all(said(talk).count("often") in {1, 2} for talk in talks[3:5]), "two where a minute has passed"
                assert said(talks[5]) == []
                assert shown(talks[5], late)["next_scheduled_time"] is not None

    def test_nothing_is_asked_while_nothing_is_due(self, embedded_uri: str, scripted_model: ScriptedModel) -> None:
        scripted_model.reset()
        with (
            throwaway_schema(embedded_uri) as schema,
            PostgresWire(embedded_uri) as wire,
            ServerProcess(environment_of(wire.uri, schema, scripted_model)) as server,
            httpx2.Client(base_url=server.url, timeout=30, trust_env=False) as http,
        ):
            talk = make(http)
            schedule(talk, DAILY)
            time.sleep(1.0)
            with wire.measure() as traffic:
                time.sleep(3.0)
            assert [each for each in traffic.statements if "scheduled_messages SET" in each] == []
            assert len(traffic.statements) <= 2
