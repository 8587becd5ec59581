"""A database that refuses what a run wants to store: others must not wait for it, and its place is free afterwards."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import SHORT, Instance, make
from tests.runs.test_background_streams import background, resume, text_of
from tests.runs.test_two_instances import begin
from tests.support.servers import database_of, server_with
from tests.support.waiting import until
from tests.talking import AgentTalk, types

pytestmark = pytest.mark.slow


@pytest.fixture
def narrow(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    """A server that carries out one run at a time."""
    with server_with(postgres_uri, scripted_model, **SHORT, LETTA_MAX_CONCURRENT_RUNS="1") as server:
        yield server


@pytest.fixture
def client(narrow: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=narrow.url, timeout=30, trust_env=False) as client:
        yield client


@contextmanager
def refusing(server: ServerProcess, table: str, allowed: str) -> Iterator[None]:
    """Let nothing be written to a table meanwhile but what meets a condition."""
    with database_of(server) as cursor:
        cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT refusing CHECK ({allowed}) NOT VALID")
    yield
    with database_of(server) as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT refusing")


def expect_a_free_place(talk: AgentTalk) -> None:
    until(lambda: talk.post({"input": "Hello."}).status_code == 200)


def test_a_run_whose_end_is_refused_is_over_for_its_readers(narrow: ServerProcess, client: httpx2.Client) -> None:
    talk, other = make(client), make(client)
    with refusing(narrow, "runs", "status = 'running'"):
        assert talk.post({"input": "Hello."}).status_code == 503
    expect_a_free_place(other)
    expect_a_free_place(talk)


def test_a_run_whose_log_is_refused_goes_on(narrow: ServerProcess, client: httpx2.Client, model: ScriptedModel) -> None:
    talk, other = make(client), make(client)
    with refusing(narrow, "run_events", "false"):
        told = background(talk, model.script(Reply("All of it.")).say())
        assert text_of(told) == "All of it."
        expect_a_free_place(other)
    run_id = told[0]["run_id"]
    assert talk.run(run_id)["status"] == "completed"
    assert text_of(resume(client, run_id)) == "All of it."


def test_a_log_that_can_not_be_read_is_told(narrow: ServerProcess, client: httpx2.Client, model: ScriptedModel) -> None:
    talk, other = make(client), make(client)
    run_id = background(talk, model.script(Reply("Some of it.")).say())[0]["run_id"]
    expect_a_free_place(other)
    with database_of(narrow) as cursor:
        cursor.execute("UPDATE run_events SET frames = 'damaged' WHERE run_id = %s", [run_id])
    assert types(resume(client, run_id)) == ["ping", "stop_reason", "error_message"]


def test_leases_are_renewed_again_after_they_could_not(
    narrow: ServerProcess, client: httpx2.Client, model: ScriptedModel
) -> None:
    def is_held() -> bool:
        with database_of(narrow) as cursor:
            cursor.execute("SELECT count(*) FROM conversations WHERE lease_expires_at > now()")
            return bool(cursor.fetchone()[0])

    talk = make(client)
    script = model.script(Reply("At last.", hold=True))
    run_id = talk.http.post(f"{talk.path}/async", json={"input": script.say()}).json()["id"]
    script.wait_asked()
    with refusing(narrow, "conversations", "lease_expires_at < '2000-01-01'"):
        until(lambda: not is_held())
    until(is_held)
    script.release()
    until(lambda: talk.run(run_id)["status"] == "completed")


def test_a_lost_run_that_can_not_be_taken_over_keeps_no_other_waiting(
    instances: Callable[[], Instance], model: ScriptedModel
) -> None:
    first = instances().ready()
    stuck, waiting = (model.script(Reply("Heard after all.", hold=True)) for _ in range(2))
    stuck_id, waiting_id = (begin(make(first.http), script) for script in (stuck, waiting))
    stuck.wait_asked()
    waiting.wait_asked()
    first.server.kill()
    with database_of(first.server) as cursor:
        cursor.execute(
            "UPDATE conversations SET lease_expires_at = now() - interval '1 hour' WHERE active_run_id = %s "
            "RETURNING id, lease_epoch",
            [stuck_id],
        )
        held_id, epoch = cursor.fetchone()
    with refusing(
        first.server, "conversations", f"id <> '{held_id}' OR (lease_epoch = {epoch} AND lease_owner IS NOT NULL)"
    ):
        second = instances().ready()
        waiting.wait_asked(2)
        waiting.release()
        assert text_of(resume(second.http, waiting_id)) == "Heard after all."
    stuck.release()  # whether it is taken over then, or given up by who has just failed to
    until(lambda: second.http.get(f"/v1/runs/{stuck_id}").json()["status"] in {"completed", "failed"})
