"""What cancelling answers, and what those see whose agent is deleted in the midst of its turn."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import Json, make
from tests.support.waiting import until
from tests.talking import AgentTalk


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return make(http)


def test_a_run_that_was_cancelled_may_be_cancelled_again(talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply("Never.", hold=True))
    run = talk.http.post(f"{talk.path}/async", json={"input": script.say()}).json()
    assert (run["status"], run["metadata"]) == ("created", {"run_type": "send_message_async", "lettuce": None})
    script.wait_asked()
    assert talk.cancel() == {run["id"]: "cancelled"}
    assert until(lambda: talk.run(run["id"])["status"] == "cancelled")
    assert talk.cancel(run_ids=[run["id"]]) == {run["id"]: "cancelled"}
    assert talk.cancel() == {run["id"]: "cancelled"}
    assert talk.cancel(run_ids=["run-none"]) == {"run-none": "failed"}


def test_whoever_comes_too_late_to_cancel_is_told_that_nothing_goes_on(talk: AgentTalk) -> None:
    """As the former server did: the run stays what it was."""
    done = talk.say("Hello.")["messages"][0]["run_id"]
    assert talk.cancel() == {done: "cancelled"} == talk.cancel(run_ids=[done])
    assert talk.run(done)["status"] == "completed"
    conversation = talk.http.post("/v1/conversations/default/cancel", params={"agent_id": talk.id})
    assert conversation.status_code == 409


def test_nothing_to_cancel(talk: AgentTalk) -> None:
    assert talk.http.post(f"{talk.path}/cancel").status_code == 409
    unknown = "/v1/agents/agent-00000000-0000-4000-8000-000000000000/messages/cancel"
    assert talk.http.post(unknown).status_code == 404


@pytest.mark.parametrize("background", [False, True])
def test_a_cancelled_stream_ends_with_its_stop_reason(
    talk: AgentTalk, model: ScriptedModel, *, background: bool
) -> None:
    """The event order of the contract: no usage between the stop reason and the end."""
    script = model.script(Reply("Never.", hold=True))
    body = {"input": script.say(), "streaming": True, "include_pings": False, "background": background}
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(talk.post, body)
        script.wait_asked()
        (run_id,) = talk.cancel()
        told = [line for line in answer.result().text.splitlines() if line.startswith("data: ")]
    end = ['data: {"message_type":"stop_reason","stop_reason":"cancelled"}', "data: [DONE]"]
    assert told[-2:] == end
    assert not any("usage_statistics" in line for line in told)
    again = talk.http.post(f"/v1/runs/{run_id}/stream", json={"include_pings": False})
    if background:
        assert [line for line in again.text.splitlines() if line.startswith("data: ")] == end
    else:
        assert again.status_code == 400


@pytest.mark.parametrize("streaming", [False, True])
def test_an_agent_is_deleted_in_the_midst_of_its_turn(talk: AgentTalk, model: ScriptedModel, streaming: bool) -> None:
    script = model.script(Reply("Too late.", hold=True))
    body = {"input": script.say(), "streaming": streaming, "include_pings": False}
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(talk.post, body)
        script.wait_asked()
        assert talk.http.delete(f"/v1/agents/{talk.id}").status_code == 200
        script.release()
        response = answer.result()
    assert response.status_code == (200 if streaming else 404)
    assert f"Agent {talk.id}, or its conversation, was deleted" in response.text
    if streaming:
        assert '"stop_reason":"cancelled"' in response.text
        assert response.text.rstrip().endswith("[DONE]")


DOING: dict[str, Json] = {
    "archival_memory_insert": {"content": "Likes tea."},
    "memory": {"command": "create", "path": "/memories/tea", "description": "On tea.", "file_text": "Black."},
    "memory_insert": {"label": "human", "new_string": "Likes tea."},
    "conversation_search": {"query": "tea"},
}


@pytest.mark.parametrize("name", DOING)
def test_what_an_agent_does_after_it_was_deleted_has_no_effect(
    server: ServerProcess, http: httpx2.Client, model: ScriptedModel, name: str
) -> None:
    talk, began = make(http, tools=[name]), len(server.log)
    script = model.script(Reply(calls=[Call(name, DOING[name])], hold=True), Reply("Done."))
    body = {"input": script.say(), "streaming": True, "background": True, "include_pings": False}
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(talk.post, body)
        script.wait_asked()
        assert http.delete(f"/v1/agents/{talk.id}").status_code == 200
        script.release()
        told = answer.result().text
    assert '"stop_reason":"cancelled"' in told
    assert told.rstrip().endswith("[DONE]")
    assert f"{talk.id}, or its conversation, was deleted" in told
    assert "Traceback" not in server.log[began:]
