"""Reading runs: lists, searches, traces; and messages that queue for a busy agent."""

import threading
from itertools import product
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import make
from tests.support.waiting import until
from tests.talking import AgentTalk, types

Json = dict[str, Any]
EDIT = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})


@pytest.fixture
def ran(talk: AgentTalk, model: ScriptedModel) -> list[str]:
    """Runs of one step, of two steps, and one that failed."""
    one = talk.say("Hello.")["messages"][0]["run_id"]
    two = talk.say(model.script(Reply(calls=[EDIT]), Reply("Done.")).say())["messages"][0]["run_id"]
    talk.post({"input": model.script(Reply(error=Failure("auth"))).say()})
    (failed,) = talk.http.get("/v1/runs", params={"agent_id": talk.id, "statuses": "failed"}).json()
    return [one, two, failed["id"]]


def found(talk: AgentTalk, **query: Any) -> list[str]:
    response = talk.http.get("/v1/_internal_runs/", params={"agent_id": talk.id, "order": "asc"} | query)
    assert response.status_code == 200, response.text
    return [run["id"] for run in response.json()]


def test_runs_are_found_by_what_they_did(talk: AgentTalk, ran: list[str]) -> None:
    one, two, failed = ran
    assert found(talk) == [one, two, failed]
    assert found(talk, order="desc") == [failed, two, one]
    assert found(talk, order="desc", ascending=True) == [one, two, failed]
    assert found(talk, run_id=two) == [two]
    assert found(talk, step_count=2) == [two]
    assert found(talk, step_count=1, step_count_operator="gte", statuses=["completed"]) == [one, two]
    assert found(talk, step_count=1, step_count_operator="lte", statuses=["completed"]) == [one]
    assert found(talk, tools_used=[talk.tool_id("memory_insert")]) == [two]
    assert found(talk, tools_used=[talk.tool_id("memory_replace")]) == []
    assert found(talk, stop_reason="llm_api_error") == [failed]
    assert found(talk, end_date="2020-01-01T00:00:00Z") == []
    assert found(talk, start_date="2020-01-01T00:00:00Z", project_id="none") == []
    assert found(talk, template_family="none") == []


def test_runs_are_found_by_how_long_they_took(talk: AgentTalk, ran: list[str]) -> None:
    assert set(found(talk, order_by="duration")) == set(ran)
    assert found(talk, duration_value=0, duration_operator="lt") == []
    assert found(talk, duration_value=0, duration_operator="gt") == ran
    assert found(talk, duration_value=1) == []
    assert len(found(talk, duration_percentile=100)) == 1
    assert found(talk, duration_percentile=0) == ran


def test_the_old_way_to_ask_for_the_oldest_first(talk: AgentTalk, ran: list[str]) -> None:
    listed = talk.http.get("/v1/runs", params={"agent_id": talk.id, "ascending": True}).json()
    assert [run["id"] for run in listed] == ran


def test_runs_are_listed_by_every_filter(talk: AgentTalk, ran: list[str]) -> None:
    def listed(**query: Any) -> list[str]:
        response = talk.http.get("/v1/runs", params={"agent_id": talk.id, "order": "asc"} | query)
        assert response.status_code == 200, response.text
        return [run["id"] for run in response.json()]

    conversation = talk.http.post("/v1/conversations", params={"agent_id": talk.id}, json={}).json()["id"]
    body = {"input": "Hello.", "streaming": True, "background": True}
    assert talk.http.post(f"/v1/conversations/{conversation}/messages", json=body).status_code == 200
    (elsewhere,) = listed(conversation_id=conversation)
    one, two, failed = ran
    everything = [*ran, elsewhere]
    assert listed() == everything == listed(order_by="created_at")
    assert listed(order="desc") == everything[::-1]
    assert listed(limit=2) == [one, two]
    assert listed(limit=2, after=one) == [two, failed]
    assert listed(before=two) == [one]
    assert listed(order="desc", after=failed) == [two, one]
    assert listed(statuses="failed") == [failed]
    assert listed(statuses=["failed", "completed"]) == everything
    assert listed(stop_reason="llm_api_error") == [failed]
    assert listed(stop_reason="end_turn", background=False) == [one, two]
    assert listed(background=True) == [elsewhere]
    assert listed(conversation_id="default") == ran
    assert listed(active=True) == []
    assert listed(agent_ids=["agent-00000000-0000-4000-8000-000000000000"]) == everything
    assert listed(agent_id="agent-00000000-0000-4000-8000-000000000000", agent_ids=talk.id) == everything


def test_runs_that_go_on_are_listed_as_such(talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Slow.", hold=True))
    run_id = talk.http.post(f"{talk.path}/async", json={"input": script.say()}).json()["id"]
    query: Json = {"agent_id": talk.id}
    for path, more in (("/v1/runs", {"active": True}), ("/v1/runs/active", {}), ("/v1/runs", {"statuses": "running"})):
        assert [run["id"] for run in talk.http.get(path, params=query | more).json()] == [run_id]
    assert talk.http.get("/v1/runs/active", params=query | {"background": False}).json() == []
    assert talk.http.delete(f"/v1/runs/{run_id}").status_code == 409
    script.release()
    assert until(lambda: talk.run(run_id)["status"] == "completed")
    assert talk.http.get("/v1/runs/active", params=query).json() == []
    assert talk.http.delete(f"/v1/runs/{run_id}").status_code == 200
    assert talk.http.get(f"/v1/runs/{run_id}").status_code == 404
    assert types(talk.history())[-2:] == ["user_message", "assistant_message"]


def test_messages_of_a_run_come_oldest_first(talk: AgentTalk, ran: list[str]) -> None:
    listed = talk.http.get(f"/v1/runs/{ran[1]}/messages").json()
    assert types(listed) == ["user_message", "tool_call_message", "tool_return_message", "assistant_message"]


def test_a_trace_tells_what_took_how_long(talk: AgentTalk, ran: list[str]) -> None:
    spans = talk.http.get(f"/v1/runs/{ran[1]}/trace").json()
    assert [span["span_name"] for span in spans if span["span_name"] != "tool_execution"] == [
        "run",
        "step",
        "llm_request",
        "step",
        "llm_request",
    ]
    run, step, llm = spans[:3]
    assert {span["trace_id"] for span in spans} == {run["trace_id"]}
    assert run["parent_span_id"] is None
    assert (step["parent_span_id"], llm["parent_span_id"]) == (run["span_id"], step["span_id"])
    assert len({span["span_id"] for span in spans}) == len(spans)
    assert run["duration_ns"] >= step["duration_ns"] >= llm["duration_ns"] > 0
    assert step["attributes"]["llm.model"] == "gpt-4o-mini"
    assert run["timestamp"] <= step["timestamp"]
    assert len(talk.http.get(f"/v1/runs/{ran[1]}/trace", params={"limit": 2}).json()) == 2
    missing = talk.http.get("/v1/runs/run-00000000-0000-4000-8000-0000000000aa/trace")
    assert missing.status_code == 404


@pytest.mark.parametrize("verb", ["", "/stream", "/async"])
def test_a_busy_agent_answers_409_with_the_run_on_every_route(talk: AgentTalk, model: ScriptedModel, verb: str) -> None:
    """Clients had to invent locks of their own."""
    script = model.script(Reply("Slow.", hold=True))
    run_id = talk.http.post(f"{talk.path}/async", json={"input": script.say()}).json()["id"]
    busy = talk.http.post(f"{talk.path}{verb}", json={"input": "Me too."})
    assert (busy.status_code, busy.json()["run_id"]) == (409, run_id)
    assert int(busy.headers["retry-after"]) >= 1
    script.release()
    assert until(lambda: talk.run(run_id)["status"] == "completed")
    assert types(talk.say("And now?")["messages"]) == ["assistant_message"]


def test_messages_that_queue_are_answered_in_the_order_in_which_they_came(
    talk: AgentTalk, model: ScriptedModel
) -> None:
    """A message that comes while the agent is at work waits for its turn, if the client wants."""
    script = model.script(Reply("Slow.", hold=True))
    talk.http.post(f"{talk.path}/async", json={"input": script.say("0")})
    script.wait_asked()
    answers: dict[int, Json] = {}

    def send(number: int) -> None:
        body = {"input": f"Message {number}", "streaming": number % 2 == 0}
        response = talk.http.post(f"{talk.path}?queue=true", json=body)
        answers[number] = {"status": response.status_code, "text": response.text}

    threads = [threading.Thread(target=send, args=(number,)) for number in range(1, 5)]
    for thread in threads:
        thread.start()
        thread.join(0.15)
    assert answers == {}
    script.release()
    for thread in threads:
        thread.join(10)
    assert [answers[number]["status"] for number in range(1, 5)] == [200] * 4
    said = [m["content"] for m in talk.history() if m["message_type"] == "user_message"]
    assert said[1:] == [f"Message {number}" for number in range(1, 5)]


def test_an_asynchronous_message_can_queue_as_well(talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Slow.", delay=0.3))
    talk.http.post(f"{talk.path}/async", json={"input": script.say()})
    queued = talk.http.post(f"{talk.path}/async?queue=true", json={"input": "Then me."})
    assert queued.status_code == 200
    assert until(lambda: talk.run(queued.json()["id"])["status"] == "completed")


def test_a_cancelled_turn_leaves_its_message_out_of_the_context(talk: AgentTalk, model: ScriptedModel) -> None:
    """The message stays in the history, but neither the next turn nor a retry sees it twice."""
    script = model.script(Reply("Never.", hold=True))
    message = {"role": "user", "content": script.say("Taken back."), "otid": "otid-taken-back"}
    run = talk.http.post(f"{talk.path}/async", json={"messages": [message]}).json()
    script.wait_asked()
    assert talk.cancel() == {run["id"]: "cancelled"}
    assert until(lambda: talk.run(run["id"])["status"] == "cancelled")
    script.release()
    other = model.script(Reply("Fine."))
    talk.say(other.say())
    assert "Taken back." not in str(other.requests[0].body["messages"])
    talk.send(message)
    shown = [m for m in script.requests[-1].body["messages"] if "Taken back." in str(m["content"])]
    assert len(shown) == 1
    assert sum("Taken back." in str(m.get("content")) for m in talk.history()) == 1


def alive(lines: list[str]) -> int:
    """How many signs of life there are."""
    return sum('"ping"' in line or line.startswith(":") for line in lines)


@pytest.mark.slow
def test_a_stream_without_news_is_kept_alive(server_environment: dict[str, str], model: ScriptedModel) -> None:
    """Clients and proxies give silent connections up; so there are pings, or comments, from the first byte."""
    environment = server_environment | {"LETTA_KEEPALIVE_INTERVAL": "0.2"}
    with ServerProcess(environment) as server, httpx2.Client(base_url=server.url, trust_env=False) as http:
        talk = make(http)
        for background, pings in product((False, True), repeat=2):
            script = model.script(Reply("Late.", hold=True))
            options = {"streaming": True, "include_pings": pings, "background": background}
            threading.Timer(0.7, script.release).start()
            with http.stream("POST", talk.path, json={"input": script.say()} | options) as response:
                assert response.headers["cache-control"] == "no-cache, no-transform"
                assert response.headers["x-accel-buffering"] == "no"
                lines = [line for line in response.iter_lines() if line]
            assert alive(lines) >= 3
            assert ('"ping"' in "".join(lines)) == pings
            assert lines[-1] == "data: [DONE]"
