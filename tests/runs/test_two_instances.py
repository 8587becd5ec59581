"""Two servers on one database, as during every deploy: what one begins, the other shows, cancels and goes on with."""

import json
import threading
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest

from letta.testing.model.script import Scenario
from letta.testing.scripted_model import Call, Reply, Script, ScriptedModel, Usage
from letta.testing.server import ServerProcess
from tests.runs.instances import SHORT, Instance, make
from tests.runs.test_background_streams import arguments_of, resume, text_of
from tests.support.receiver import Receiver
from tests.support.servers import database_of
from tests.support.waiting import until
from tests.talking import AgentTalk, types

Json = dict[str, Any]
Instances = Callable[[], Instance]
EDIT = Call("memory_insert", {"label": "human", "new_string": "Likes tea."})
WORDS = "one two three four five six seven eight "

pytestmark = pytest.mark.slow


def begin(talk: AgentTalk, script: Script, **options: Any) -> str:
    """Start a background run and leave it alone."""
    body = {"input": script.say(), "streaming": True, "background": True, "stream_tokens": True} | options
    with talk.http.stream("POST", talk.path, json=body) as response:
        assert response.status_code == 200, response.read()
        line = next(line for line in response.iter_lines() if line.startswith("data: {"))
    return str(json.loads(line[6:])["run_id"])


def expect_one_turn(talk: AgentTalk, script: Script, answer: str) -> None:
    """There is one message of the user and one answer, and the agent goes on."""
    history = talk.history()
    assert [script.marker in str(m["content"]) for m in history if m["message_type"] == "user_message"] == [True]
    assert [m["content"] for m in history if m["message_type"] == "assistant_message"] == [answer]
    assert types(talk.say("Are you there?")["messages"]) == ["assistant_message"]


def test_a_stream_is_followed_from_the_other_instance(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply(WORDS, calls=[EDIT], chunk_delay=0.1), Reply("Done."))
    run_id = begin(talk, script)
    messages = resume(second.http, run_id)
    assert text_of(messages) == WORDS + "Done."
    assert json.loads(arguments_of(messages)) == {"label": "human", "new_string": "Likes tea."}
    numbers = [m["seq_id"] for m in messages if "seq_id" in m]
    assert numbers == sorted(set(numbers))
    assert types(messages).count("assistant_message") > 2, "it came while it was written, not only at the end"
    again = resume(second.http, run_id)
    assert (text_of(again), arguments_of(again)) == (text_of(messages), arguments_of(messages))


def test_the_same_message_sent_to_the_other_instance_joins_the_run(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    first, second = pair
    talk = make(first.http)
    edits = 6  # more messages than are fetched at once
    script = model.script(*[Reply(calls=[EDIT])] * edits, Reply("Once.", hold=True))
    message = {"role": "user", "content": script.say(), "otid": "otid-of-mine"}
    answers: list[Json] = []
    threads = [
        threading.Thread(target=lambda at=at: answers.append(at.at(talk).send(message))) for at in (first, second)
    ]
    threads[0].start()
    script.wait_asked(edits + 1)
    threads[1].start()
    threads[1].join(0.5)
    script.release()
    for thread in threads:
        thread.join(10)
    assert answers[0]["messages"] == answers[1]["messages"]
    assert len(answers[0]["messages"]) == 2 * edits + 1
    assert len(script.requests) == edits + 1


def test_a_run_is_cancelled_through_the_other_instance(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply(WORDS, hold=True))
    run_id = begin(talk, script)
    script.wait_asked()
    assert second.at(talk).cancel(run_ids=[run_id]) == {run_id: "cancelled"}
    assert until(lambda: talk.run(run_id)["status"] == "cancelled")
    assert resume(second.http, run_id)[-1]["stop_reason"] == "cancelled"
    assert types(talk.say("And now?")["messages"]) == ["assistant_message"]


def test_a_busy_conversation_is_busy_at_both_instances(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply("Slow.", hold=True))
    run_id = begin(talk, script)
    for instance in pair:
        response = instance.at(talk).post({"input": "Me too."})
        assert response.status_code == 409
        assert response.json()["run_id"] == run_id
        assert int(response.headers["retry-after"]) >= 1
    queued: list[Json] = []
    thread = threading.Thread(
        target=lambda: queued.append(second.http.post(f"{talk.path}?queue=true", json={"input": "Then me."}).json())
    )
    thread.start()
    thread.join(0.3)
    assert not queued
    script.release()
    thread.join(10)
    assert types(queued[0]["messages"]) == ["assistant_message"]


def test_a_run_that_outlasts_the_grace_goes_on_at_the_other_instance(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    """SIGTERM: the uncommitted step is dropped and asked for again, what was committed before stays."""
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply(calls=[EDIT]), Reply("Done.", hold=True))
    run_id = begin(talk, script)
    script.wait_asked(2)
    assert first.server.terminate() == 0
    script.wait_asked(3)
    script.release()
    talk = second.at(talk)
    messages = resume(second.http, run_id)
    told = [kind for kind, _ in groupby(types(messages))]
    assert told == [
        "ping",
        "tool_call_message",
        "tool_return_message",
        "assistant_message",
        "stop_reason",
        "usage_statistics",
    ]
    assert text_of(messages) == "Done."
    assert messages[-1]["step_count"] == 2
    assert talk.run(run_id)["status"] == "completed"
    assert talk.block("human") == "Name: Ada.\nLikes tea."
    expect_one_turn(talk, script, "Done.")


def test_a_run_that_ends_within_the_grace_is_not_cut_off(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply("In time.", delay=0.5))
    run_id = begin(talk, script)
    script.wait_asked()
    assert first.server.terminate() == 0
    talk = second.at(talk)
    assert talk.run(run_id)["status"] == "completed"
    assert len(script.requests) == 1
    assert text_of(resume(second.http, run_id)) == "In time."


def test_zombie_runs_of_a_killed_process_are_taken_over_from_their_last_step(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    """Runs stayed `running` for ever, and nobody could talk to their agents."""
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply(calls=[EDIT]), Reply("Done.", hold=True))
    run_id = begin(talk, script)
    script.wait_asked(2)
    first.server.kill()
    talk = second.at(talk)
    script.wait_asked(3)
    script.release()
    assert text_of(resume(second.http, run_id)) == "Done."
    assert talk.block("human") == "Name: Ada.\nLikes tea."
    expect_one_turn(talk, script, "Done.")


def test_a_run_killed_before_its_first_step_is_begun_again(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply("Done.", hold=True))
    run_id = begin(talk, script)
    script.wait_asked()
    first.server.kill()
    script.wait_asked(2)
    script.release()
    assert text_of(resume(second.http, run_id)) == "Done."
    expect_one_turn(second.at(talk), script, "Done.")


def test_a_stream_goes_on_with_growing_numbers_after_a_kill(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply("Let me see.", calls=[EDIT]), Reply("Done.", hold=True))
    run_id = begin(talk, script)
    script.wait_asked(2)
    before = [m for m in stored_frames(second, run_id) if m["message_type"] != "ping"]
    first.server.kill()
    script.wait_asked(3)
    script.release()
    rest = resume(second.http, run_id, starting_after=before[-1]["seq_id"])
    assert text_of(before) + text_of(rest) == "Let me see.Done."
    numbers = [m["seq_id"] for m in rest if "seq_id" in m]
    assert numbers[0] > before[-1]["seq_id"]
    assert numbers == sorted(set(numbers))
    whole = resume(second.http, run_id)
    assert text_of(whole) == "Let me see.Done."


def test_what_was_said_in_part_is_told_once_by_who_goes_on(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    """The pieces that the first process stored give way to the answer of the second one."""
    first, second = pair
    talk = make(first.http)
    model.register("in-part", Scenario([Reply(WORDS * 4, chunk_delay=0.5)]))
    script = Script(model, "in-part")
    run_id = begin(talk, script)
    until(lambda: has_pieces(second, run_id))
    model.register("in-part", Scenario([Reply(WORDS)]))
    first.server.terminate()
    until(lambda: second.at(talk).run(run_id)["status"] == "completed")
    assert text_of(resume(second.http, run_id)) == WORDS
    assert len(script.requests) == 2
    expect_one_turn(second.at(talk), script, WORDS)


def has_pieces(instance: Instance, run_id: str) -> bool:
    """Whether something of a run's log is stored."""
    with database_of(instance.server) as cursor:
        cursor.execute("SELECT 1 FROM run_events WHERE run_id = %s", (run_id,))
        return bool(cursor.fetchall())


def stored_frames(instance: Instance, run_id: str) -> list[Json]:
    """What the log of a run that goes on holds by now."""
    messages: list[Json] = []
    with instance.http.stream("POST", f"/v1/runs/{run_id}/stream", json={}) as response:
        for line in response.iter_lines():
            if line.startswith("data: {"):
                messages.append(json.loads(line[6:]))
            if messages and messages[-1]["message_type"] == "tool_return_message":
                break
    return messages


def test_a_run_that_was_to_be_cancelled_is_not_continued(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talk = make(first.http)
    script = model.script(Reply("Never.", hold=True))
    run_id = begin(talk, script)
    script.wait_asked()
    first.server.kill()
    talk = second.at(talk)
    talk.cancel(run_ids=[run_id])
    assert until(lambda: talk.run(run_id)["status"] == "cancelled")
    assert len(script.requests) == 1


def test_a_run_that_was_to_be_cancelled_while_it_was_compacted_waits_for_no_decision(
    pair: tuple[Instance, Instance], model: ScriptedModel
) -> None:
    """Who ended it let its agent wait for a decision, although the run had been said to be cancelled."""
    first, second = pair
    talk = make(first.http, tool_rules=[{"type": "requires_approval", "tool_name": "memory_insert"}])
    summarized = model.script(Reply("Hello."), without_tools=Reply("They said hello.", hold=True))
    talk.say(summarized.say())
    full = model.script(Reply(calls=[EDIT], usage=Usage(input=120_000, output=10)))
    run_id = begin(talk, full)
    until(lambda: "approval_request_message" in types(talk.history()))
    summarized.wait_asked(3)
    first.server.kill()
    talk = second.at(talk)
    talk.cancel(run_ids=[run_id])
    until(lambda: talk.run(run_id)["status"] not in {"running", "created"})
    assert talk.run(run_id)["status"] == "cancelled"
    assert types(talk.say("Are you there?")["messages"]) == ["assistant_message"]


def test_a_message_for_a_lost_run_takes_the_run_over(instances: Instances, model: ScriptedModel) -> None:
    """A client doesn't wait for the next look around: what it asks for has the run taken over at once."""
    first = instances().ready()
    talk = make(first.http)
    script = model.script(Reply("Late.", hold=True))
    run_id = begin(talk, script)
    script.wait_asked()
    second = instances().ready()
    first.server.kill()
    talk = second.at(talk)
    busy = talk.refused(409, input="Hello?")
    assert busy["run_id"] == run_id
    script.wait_asked(2)
    script.release()
    answer = second.http.post(f"{talk.path}?queue=true", json={"input": "Hello?"}).json()
    assert types(answer["messages"]) == ["assistant_message"]
    assert talk.run(run_id)["status"] == "completed"


def test_blocking_clients_do_not_notice_a_restart(server_environment: dict[str, str], model: ScriptedModel) -> None:
    """The client's own retry joins the run, which goes on where it was."""
    with ServerProcess(server_environment | SHORT) as server, server.client(max_retries=6) as client:
        agent = client.agents.create(model="openai-proxy/gpt-4o-mini", include_base_tools=False)
        script = model.script(Reply("Through it all.", hold=True))
        answers: list[Any] = []
        thread = threading.Thread(
            target=lambda: answers.append(client.agents.messages.create(agent.id, input=script.say()))
        )
        thread.start()
        script.wait_asked()
        server.restart()
        script.wait_asked(2)
        script.release()
        thread.join(20)
        assert [m.content for m in answers[0].messages] == ["Through it all."]
        users = [m for m in client.agents.messages.list(agent.id) if m.message_type == "user_message"]
        assert len(users) == 1


def carer_of(talk: AgentTalk) -> str:
    """The agent that looks after the memory of this one, after each of its turns."""
    group = talk.retrieve("managed_group")["managed_group"]
    config = {"manager_type": "sleeptime", "sleeptime_agent_frequency": 1}
    talk.http.patch(f"/v1/groups/{group['id']}", json={"manager_config": config}).raise_for_status()
    return str(group["agent_ids"][0])


def say_and_care(talk: AgentTalk, model: ScriptedModel, *replies: Reply) -> tuple[str, Script]:
    """A turn, and the run in which memory is looked after behind it, with its script."""
    care = model.script(*replies)
    answer = talk.say(model.script(Reply(f"Noted. {care.marker}")).say())
    return str(answer["usage"]["run_ids"][0]), care


def ended(talk: AgentTalk, run_id: str) -> None:
    """A run completes."""
    until(lambda: talk.run(run_id)["completed_at"], 20)
    assert talk.run(run_id)["status"] == "completed"


def test_memory_is_looked_after_once_whoever_dies(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    """One run is under way and another one waits for it when their process is killed."""
    first, second = pair
    talk = make(first.http, enable_sleeptime=True)
    carer_of(talk)
    finish = Reply(calls=[Call("memory_finish_edits", {})])
    running, care = say_and_care(talk, model, Reply(calls=[EDIT], hold=True), finish)
    care.wait_asked(1)
    more = Call("memory_insert", {"label": "human", "new_string": "Likes cake."})
    waiting, later = say_and_care(talk, model, Reply(calls=[more]), finish)
    assert talk.run(waiting)["status"] == "created"
    first.server.kill()
    care.release()
    other = second.at(talk)
    for run_id in (running, waiting):
        ended(other, run_id)
    assert other.block("human") == "Name: Ada.\nLikes tea.\nLikes cake."
    assert len(later.requests) == 2


def test_what_waits_begins_at_one_instance_only(pair: tuple[Instance, Instance], model: ScriptedModel) -> None:
    first, second = pair
    talks = [make(http, enable_sleeptime=True) for http in (first.http, second.http) for _ in range(4)]
    for talk in talks:
        carer_of(talk)
    finish = Reply(calls=[Call("memory_finish_edits", {})])
    begun = [say_and_care(talk, model, Reply(calls=[EDIT]), finish) for talk in talks]
    for run_id, _ in begun:
        ended(talks[0], run_id)
    assert [len(care.requests) for _, care in begun] == [2] * len(talks)


def test_a_batch_outlives_its_process_and_its_end_is_told(
    pair: tuple[Instance, Instance], model: ScriptedModel, receiver: Receiver
) -> None:
    first, second = pair
    talks = [make(first.http) for _ in range(6)]
    held = model.script(Reply("Begun.", hold=True))
    requests = [{"agent_id": talks[0].id, "input": held.say()}]
    scripts = [model.script(Reply("Here.")) for _ in talks]
    requests += [{"agent_id": talk.id, "input": script.say()} for talk, script in zip(talks, scripts, strict=True)]
    body = {"requests": requests, "callback_url": receiver.address}
    batch = first.http.post("/v1/messages/batches", json=body).raise_for_status().json()
    held.wait_asked(1)
    first.server.kill()
    held.release()
    until(lambda: receiver.received, 30)
    (told,) = receiver.told
    assert (told["job_id"], told["status"]) == (batch["id"], "completed")
    assert told["metadata"]["request_counts"]["completed"] == 7
    for talk, script in zip(talks, scripts, strict=True):
        assert len(script.requests) in (1, 2), "asked again only if its answer wasn't stored when the process died"
        answers = [m["content"] for m in second.at(talk).history() if m["message_type"] == "assistant_message"]
        assert answers.count("Here.") == 1
