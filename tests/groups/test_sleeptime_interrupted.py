"""Looking after memory that is broken off: by cancelling, by deleting, and by the end of a process."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from tests.groups.test_sleeptime import FINISH, Cared, note, run_ids
from tests.runs.instances import Instance
from tests.support.servers import environment_of
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow


def test_what_was_cancelled_is_told_again(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(1)
    answer, care = talk.say_and_note(model, "I like tea.", Reply(calls=[note("Never.")], hold=True))
    care.wait_asked(1)
    talk.carer.cancel(run_ids=run_ids(answer))
    assert talk.ended(*run_ids(answer))["status"] == "cancelled"
    care.release()
    again, later = talk.say_and_note(model, "And cake.", Reply(calls=[note("Tea, cake.")]), Reply(calls=[FINISH]))
    assert talk.ended(*run_ids(again))["status"] == "completed"
    said = later.requests[0].body["messages"][-1]["content"]
    assert [word in said for word in ("I like tea.", "And cake.")] == [True, True]
    assert talk.block("human") == "Name: Ada.\nTea, cake."


def test_cancelling_the_agent_leaves_who_looks_after_it(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = Cared(http)
    talk.every(1)
    answer, care = talk.say_and_note(model, "I like tea.", Reply(calls=[FINISH], hold=True))
    care.wait_asked(1)
    talk.cancel()
    care.release()
    assert talk.ended(*run_ids(answer))["status"] == "completed"


@pytest.mark.parametrize("what", ["agent", "carer", "group", "member"])
def test_what_goes_while_memory_is_looked_after(http: httpx2.Client, model: ScriptedModel, what: str) -> None:
    talk, bystander = Cared(http), AgentTalk(http)
    talk.every(1)
    answer, care = talk.say_and_note(model, "One.", Reply(calls=[note("One.")], hold=True), Reply(calls=[FINISH]))
    care.wait_asked(1)
    waiting, _ = talk.say_and_note(model, "Two.", Reply(calls=[FINISH]))
    carer, group = talk.carer.id, talk.group["id"]
    path = {"agent": f"/v1/agents/{talk.id}", "carer": f"/v1/agents/{carer}"}.get(what, f"/v1/groups/{group}")
    if what == "member":
        http.patch(path, json={"agent_ids": []}).raise_for_status()
    else:
        http.delete(path).raise_for_status()
    care.release()
    if what in {"group", "member"}:
        assert talk.ended(*run_ids(answer))["status"] == "completed", "it ends what it has begun"
        assert talk.ended(*run_ids(waiting))["completed_at"]
    else:
        assert until(lambda: http.get(f"/v1/runs/{run_ids(answer)[0]}").status_code == 404)
        assert http.get(f"/v1/runs/{run_ids(waiting)[0]}").status_code == 404
    if what != "agent":
        assert talk.say("Three.")["stop_reason"]["stop_reason"] == "end_turn"
    assert bystander.say("Hello.")["stop_reason"]["stop_reason"] == "end_turn"


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


def test_another_process_goes_on_where_one_was_killed(
    postgres_uri: str, scripted_model: ScriptedModel, model: ScriptedModel, stack: ExitStack
) -> None:
    schema = stack.enter_context(throwaway_schema(postgres_uri))
    environment = environment_of(postgres_uri, schema, scripted_model)
    first, second = Instance(stack, environment), Instance(stack, environment)
    talk = Cared(first.ready().http)
    talk.every(1)
    second.ready()
    answer, care = talk.say_and_note(
        model, "I like tea.", Reply(calls=[note("Likes tea.")]), Reply(calls=[FINISH], hold=True)
    )
    care.wait_asked(2)
    waiting, later = talk.say_and_note(model, "And cake.", Reply(calls=[note("And cake.")]), Reply(calls=[FINISH]))
    first.server.kill()
    care.release()
    there, both = second.at(talk), [*run_ids(answer), *run_ids(waiting)]
    until(lambda: all(there.run(run_id)["completed_at"] for run_id in both), 60)
    assert [there.run(run_id)["status"] for run_id in both] == ["completed"] * 2
    assert there.block("human") == "Name: Ada.\nLikes tea.\nAnd cake."
    said = later.requests[0].body["messages"][-1]["content"]
    assert [word in said for word in ("I like tea.", "And cake.")] == [False, True]
