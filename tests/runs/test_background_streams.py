"""Background runs: their streams can be read again, from any message on, while they last and afterwards."""

import json
from typing import Any

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import database_of
from tests.support.waiting import until
from tests.talking import AgentTalk, types

Json = dict[str, Any]
WORDS = "one two three four "
EDIT = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})


def background(talk: AgentTalk, text: str, **options: Any) -> list[Json]:
    return talk.stream(**({"input": text, "background": True, "include_pings": True} | options))


def resume(http: httpx2.Client, run_id: str, **body: Any) -> list[Json]:
    with http.stream("POST", f"/v1/runs/{run_id}/stream", json=body) as response:
        assert response.status_code == 200, response.read()
        return [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {")]


def text_of(messages: list[Json]) -> str:
    return "".join(m["content"] for m in messages if m["message_type"] == "assistant_message")


def arguments_of(messages: list[Json]) -> str:
    return "".join(m["tool_call"].get("arguments", "") for m in messages if m["message_type"] == "tool_call_message")


def test_every_message_has_a_number_beginning_with_the_first_ping(talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(WORDS, calls=[EDIT]), Reply("Done."))
    messages = background(talk, script.say())
    numbered = [m["seq_id"] for m in messages if "seq_id" in m]
    assert numbered == list(range(1, len(numbered) + 1))
    assert messages[0]["message_type"] == "ping"
    assert messages[0]["run_id"].startswith("run-")
    assert types(messages)[-2:] == ["stop_reason", "usage_statistics"]


def test_a_stream_can_be_resumed_after_each_of_its_messages(
    talk: AgentTalk, http: httpx2.Client, model: ScriptedModel
) -> None:
    script = model.script(Reply(WORDS, calls=[EDIT]), Reply("And done."))
    messages = background(talk, script.say())
    run_id = messages[0]["run_id"]
    for place, message in enumerate(messages):
        if "seq_id" not in message:
            continue
        rest = resume(http, run_id, starting_after=message["seq_id"])
        assert text_of(rest) == text_of(messages[place + 1 :])
        assert arguments_of(rest) == arguments_of(messages[place + 1 :])
        assert types(rest)[-2:] == ["stop_reason", "usage_statistics"]
        assert all(m["seq_id"] > message["seq_id"] for m in rest if "seq_id" in m)
    assert text_of(resume(http, run_id)) == text_of(messages)
    assert types(resume(http, run_id))[0] == "ping"
    assert "ping" not in types(resume(http, run_id, include_pings=False))


def test_a_run_is_read_again_while_it_lasts(talk: AgentTalk, http: httpx2.Client, model: ScriptedModel) -> None:
    script = model.script(Reply(WORDS, chunk_delay=0.1))
    body = {"input": script.say(), "streaming": True, "stream_tokens": True, "background": True}
    with http.stream("POST", talk.path, json=body) as response:
        lines = (line[6:] for line in response.iter_lines() if line.startswith("data: {"))
        run_id = json.loads(next(lines))["run_id"]
        first = json.loads(next(lines))
    rest = resume(http, run_id, starting_after=first["seq_id"])
    assert first["content"] + text_of(rest) == WORDS
    assert types(rest).count("assistant_message") > 1
    assert talk.run(run_id)["status"] == "completed"


def test_a_run_whose_client_went_away_is_carried_out(
    talk: AgentTalk, http: httpx2.Client, model: ScriptedModel
) -> None:
    script = model.script(Reply("Whole.", hold=True))
    body = {"input": script.say(), "streaming": True, "background": True}
    with http.stream("POST", talk.path, json=body) as response:
        line = next(line for line in response.iter_lines() if line.startswith("data: {"))
    run_id = json.loads(line[6:])["run_id"]
    script.wait_asked()
    script.release()
    assert text_of(resume(http, run_id)) == "Whole."


def test_the_log_takes_few_rows(
    talk: AgentTalk, server: ServerProcess, http: httpx2.Client, model: ScriptedModel
) -> None:
    text = "word " * 400
    script = model.script(Reply(text))
    messages = background(talk, script.say())
    assert len(messages) > 20  # a reader who is slower than the model is told several words at once
    with database_of(server) as cursor:
        cursor.execute(
            "SELECT count(*), sum(length(frames)) FROM run_events WHERE run_id = %s", [messages[0]["run_id"]]
        )
        rows, size = cursor.fetchone()
    assert rows < len(messages) / 4  # a row for what comes in some time, however slow the machine
    assert size < 4000
    place = len(messages) // 2
    middle = messages[place]
    rest = resume(http, middle["run_id"], starting_after=middle["seq_id"])
    assert text_of(rest) == text_of(messages[place + 1 :])
    assert types(rest).count("assistant_message") == 1


def test_a_failure_is_in_the_log(talk: AgentTalk, http: httpx2.Client, model: ScriptedModel) -> None:
    script = model.script(Reply(error=Failure("auth")))
    messages = background(talk, script.say())
    assert types(messages) == ["ping", "stop_reason", "error_message"]
    assert messages[-1]["error_type"] == "llm_authentication"
    again = resume(http, messages[0]["run_id"], include_pings=False)
    assert again == messages[1:]


def test_an_asynchronous_run_can_be_streamed(talk: AgentTalk, http: httpx2.Client, model: ScriptedModel) -> None:
    script = model.script(Reply(calls=[EDIT]), Reply("Done."))
    run = http.post(f"{talk.path}/async", json={"input": script.say()}).json()
    messages = resume(http, run["id"], include_pings=False)
    expected = ["tool_call_message", "tool_return_message", "assistant_message", "stop_reason", "usage_statistics"]
    assert types(messages) == expected
    assert [m.get("seq_id") for m in messages] == [2, 3, 4, None, None]


def test_a_run_that_was_not_in_the_background_is_not_resumed(
    talk: AgentTalk, http: httpx2.Client, model: ScriptedModel
) -> None:
    run_id = talk.say("Hello.")["messages"][0]["run_id"]
    response = http.post(f"/v1/runs/{run_id}/stream", json={"starting_after": 0})
    assert response.status_code == 400
    assert "background" in response.json()["detail"]


def test_a_log_is_gone_three_hours_after_the_end(
    talk: AgentTalk, server: ServerProcess, http: httpx2.Client, model: ScriptedModel
) -> None:
    run_id = background(talk, "Hello.")[0]["run_id"]
    with database_of(server) as cursor:
        cursor.execute("UPDATE runs SET completed_at = now() - interval '3 hours 1 minute' WHERE id = %s", [run_id])

    def answer() -> httpx2.Response | None:  # right after its end, a run may still be in the server's memory
        response = http.post(f"/v1/runs/{run_id}/stream", json={})
        return None if response.status_code == 200 else response

    response = until(answer)
    assert response is not None
    assert response.status_code == 410
    assert "3 hours" in response.json()["detail"]


def test_an_unknown_run_is_not_found(http: httpx2.Client) -> None:
    assert http.post("/v1/runs/run-00000000-0000-4000-8000-0000000000aa/stream", json={}).status_code == 404
    assert http.post("/v1/runs/nonsense/stream", json={}).status_code == 422


def test_the_official_client_resumes(client: Letta, talk: AgentTalk, model: ScriptedModel) -> None:
    script = model.script(Reply(WORDS))
    messages = background(talk, script.say())
    again = list(client.runs.messages.stream(messages[0]["run_id"], starting_after=3))
    assert "".join(str(getattr(m, "content", "")) for m in again) == text_of(messages[3:])


def test_what_a_vanished_process_left_out_of_the_log_is_made_up_from_the_messages(
    talk: AgentTalk, server: ServerProcess, http: httpx2.Client, model: ScriptedModel
) -> None:
    script = model.script(Reply(calls=[EDIT]), Reply("Done."))
    messages = background(talk, script.say(), stream_tokens=False)
    run_id = messages[0]["run_id"]
    with database_of(server) as cursor:
        cursor.execute("DELETE FROM run_events WHERE run_id = %s", [run_id])
    again = until(lambda: resume(http, run_id))
    assert [(m.get("seq_id"), m["message_type"]) for m in again] == [
        (m.get("seq_id"), m["message_type"]) for m in messages
    ]


@pytest.mark.parametrize("starting_after", [-1, "x"])
def test_nonsense_is_refused(talk: AgentTalk, http: httpx2.Client, starting_after: Any) -> None:
    run_id = background(talk, "Hello.")[0]["run_id"]
    response = http.post(f"/v1/runs/{run_id}/stream", json={"starting_after": starting_after})
    assert response.status_code == 422
    assert "starting_after" in response.json()["detail"]


def test_a_message_that_was_answered_in_the_foreground_is_answered_again_in_a_stream(
    talk: AgentTalk, model: ScriptedModel
) -> None:
    script = model.script(Reply("Once."))
    message = {"role": "user", "content": script.say(), "otid": "otid-foreground-first"}
    first = talk.send(message)["messages"]
    again = talk.stream(messages=[message], background=True)
    assert [(m["id"], m["content"]) for m in again[:-2]] == [(m["id"], m["content"]) for m in first]
    assert [m["message_type"] for m in again[-2:]] == ["stop_reason", "usage_statistics"]
    assert len(script.requests) == 1
