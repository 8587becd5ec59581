"""A database that is away, full or locked, as Supabase's may be: the server stays, says so, and recovers by itself."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Reply
from tests.crash.world import World, world
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

RECOVERED_WITHIN_SECONDS = 30
Json = dict[str, Any]


@pytest.fixture(scope="module")
def alone() -> Iterator[World]:
    """One server, with a Postgres of its own."""
    with world(servers=1) as made:
        yield made


@pytest.fixture
def http(alone: World) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=alone.servers[0].url, trust_env=False, timeout=60) as opened:
        yield opened


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return AgentTalk(http)


def test_a_restart_of_postgres_is_survived(alone: World, http: httpx2.Client, talk: AgentTalk) -> None:
    pid = alone.servers[0].pid
    with alone.without_postgres():
        for _ in range(3):
            began = time.monotonic()
            assert http.get("/v1/health/").status_code == 200
            assert time.monotonic() - began < 20
            refused = http.get(f"/v1/agents/{talk.id}")
            assert refused.status_code == 503, refused.text
            assert int(refused.headers["retry-after"]) >= 1
            assert "database" in refused.json()["detail"]
            assert http.get("/v1/ready").status_code == 503
    until(lambda: http.get(f"/v1/agents/{talk.id}").status_code == 200, RECOVERED_WITHIN_SECONDS)
    assert http.get("/v1/ready").status_code == 200
    assert talk.say("Are you there?")["stop_reason"]["stop_reason"] == "end_turn"
    assert alone.servers[0].pid == pid


def test_a_server_that_starts_before_its_database_waits(alone: World) -> None:
    server = alone.servers[0]
    server.terminate()
    with alone.without_postgres():
        server.start(wait=False)
        server.wait_logged("waiting for the database", 20)
        assert server.running
    server.wait_healthy()


def test_a_read_only_database_serves_what_can_be_served(alone: World, http: httpx2.Client, talk: AgentTalk) -> None:
    """Supabase makes a project read-only when its disk is full."""
    server = alone.servers[0]
    _read_only(alone, "on")
    try:
        _expect_read_only(http, talk)
        server.restart()
        _expect_read_only(http, talk)
    finally:
        _read_only(alone, "off")
    until(lambda: http.patch(f"/v1/agents/{talk.id}", json={"description": "x"}).status_code == 200, 30)


def _read_only(alone: World, state: str) -> None:
    with alone.database() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
        cursor.execute("SET default_transaction_read_only = off")
        cursor.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = {state}")
    alone.terminate_backends()


def _expect_read_only(http: httpx2.Client, talk: AgentTalk) -> None:
    assert until(lambda: http.get(f"/v1/agents/{talk.id}").status_code == 200)
    refused = http.patch(f"/v1/agents/{talk.id}", json={"description": "x"})
    assert refused.status_code in {503, 507}, refused.text
    assert "read-only" in refused.json()["detail"]


def test_no_transaction_is_open_while_a_model_thinks(alone: World, talk: AgentTalk) -> None:
    """Poolers in transaction mode, and time-outs of idle transactions, forbid it."""
    script = alone.model.script(Reply("Done.", hold=True))
    answers = _in_background(lambda: talk.say(script.say()))
    script.wait_asked()
    time.sleep(0.3)
    with alone.database() as cursor:
        cursor.execute("SELECT state FROM pg_stat_activity WHERE application_name LIKE 'letta/%'")
        assert {state for (state,) in cursor.fetchall()} <= {"idle"}
    script.release()
    assert answers()["stop_reason"]["stop_reason"] == "end_turn"


def test_a_locked_table_is_given_up_and_loses_nothing(alone: World, http: httpx2.Client, talk: AgentTalk) -> None:
    with alone.database() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE agents IN ACCESS EXCLUSIVE MODE")
        refused = http.patch(f"/v1/agents/{talk.id}", json={"description": "x"})
        assert refused.status_code == 503, refused.text
        assert "retry-after" in refused.headers
        cursor.execute("ROLLBACK")
    assert http.patch(f"/v1/agents/{talk.id}", json={"description": "x"}).status_code == 200


def test_every_connection_may_be_ended_while_nobody_uses_it(alone: World, http: httpx2.Client, talk: AgentTalk) -> None:
    for _ in range(20):
        alone.terminate_backends()
        assert http.get(f"/v1/agents/{talk.id}").status_code == 200


def _in_background(act: Callable[[], Json]) -> Callable[[], Json]:
    results: list[Json] = []
    thread = threading.Thread(target=lambda: results.append(act()))
    thread.start()

    def wait() -> Json:
        thread.join(30)
        return results[0]

    return wait
