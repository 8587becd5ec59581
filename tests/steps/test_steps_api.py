"""Lists of steps, with every filter there is."""

from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.runs.instances import make
from tests.talking import AgentTalk

Json = dict[str, Any]
EDIT = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return make(http)


@pytest.fixture
def ran(talk: AgentTalk, model: ScriptedModel) -> list[str]:
    """Ids of three steps, of which the first two are of one run."""
    talk.say(model.script(Reply(calls=[EDIT]), Reply("Noted.")).say())
    talk.say("Hello.")
    return [step["id"] for step in steps_of(talk)]


def steps_of(talk: AgentTalk, **query: Any) -> list[Json]:
    response = talk.http.get("/v1/steps", params={"agent_id": talk.id, "order": "asc"} | query)
    assert response.status_code == 200, response.text
    found: list[Json] = response.json()
    return found


def found(talk: AgentTalk, **query: Any) -> list[str]:
    return [step["id"] for step in steps_of(talk, **query)]


def test_steps_are_found_page_by_page(talk: AgentTalk, ran: list[str]) -> None:
    first, second, third = ran
    assert found(talk, order="desc") == [third, second, first]
    assert found(talk, limit=2) == [first, second]
    assert found(talk, limit=2, after=first) == [second, third]
    assert found(talk, before=second) == [first]
    assert found(talk, order="desc", after=third, order_by="created_at") == [second, first]


def test_steps_are_found_by_what_they_are(talk: AgentTalk, ran: list[str]) -> None:
    assert found(talk, model="gpt-4o-mini") == ran
    assert found(talk, model="none") == []
    assert found(talk, project_id="none") == []
    assert found(talk, agent_id="agent-00000000-0000-4000-8000-000000000000") == []
    now = datetime.now(UTC)
    assert found(talk, start_date=now.replace(year=2020).isoformat(), end_date=now.isoformat()) == ran
    assert found(talk, start_date=now.strftime("%Y-%m-%dT%H:%M:%S.%f")) == []  # without a zone: in UTC
    assert found(talk, end_date="2020-01-01") == []


def test_steps_are_found_by_what_users_think_of_them(talk: AgentTalk, ran: list[str]) -> None:
    first, second, third = ran
    for step_id, body in ((first, {"feedback": "positive", "tags": ["nice"]}), (second, {"feedback": "negative"})):
        assert talk.http.patch(f"/v1/steps/{step_id}/feedback", json=body).status_code == 200
    assert found(talk, feedback="positive") == [first]
    assert found(talk, has_feedback=True) == [first, second]
    assert found(talk, has_feedback=False) == [third]
    assert found(talk, tags=["nice", "other"]) == [first]


def test_steps_are_found_by_the_traces_of_their_runs(talk: AgentTalk, ran: list[str]) -> None:
    first, second, third = steps_of(talk)
    assert first["trace_id"] == second["trace_id"] != third["trace_id"]
    assert found(talk, trace_ids=first["trace_id"]) == ran[:2]
    assert found(talk, trace_ids=[first["trace_id"], third["trace_id"]]) == ran
    assert found(talk, trace_ids="no trace") == []
    spans = talk.http.get(f"/v1/runs/{third['run_id']}/trace").json()
    assert {span["trace_id"] for span in spans} == {third["trace_id"]}


def test_a_step_bears_the_id_under_which_it_is_accounted_for(talk: AgentTalk, ran: list[str]) -> None:
    step = talk.http.patch(f"/v1/steps/{ran[0]}/transaction/tx-1").raise_for_status().json()
    assert step["tid"] == "tx-1"
    assert talk.http.get(f"/v1/steps/{ran[0]}").json()["tid"] == "tx-1"


def test_steps_tell_what_they_cost_if_asked(talk: AgentTalk, ran: list[str]) -> None:
    assert all("cost_usd" not in step for step in steps_of(talk))
    told = steps_of(talk, include_cost=True)
    assert [step["cost_usd"] for step in told] == [
        talk.http.get(f"/v1/steps/{step}/metrics").json()["cost_usd"] for step in ran
    ]
    assert all(step["cost_usd"] > 0 for step in told)
    of_run = talk.http.get(f"/v1/runs/{told[0]['run_id']}/steps", params={"include_cost": True}).json()
    assert all(step["cost_usd"] > 0 for step in of_run)
