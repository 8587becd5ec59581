"""What runs cost the database, as seen from outside."""

import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx2
import pytest

from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.runs.instances import make
from tests.runs.test_background_streams import resume
from tests.support.servers import environment_of
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow
LEASE_SECONDS = 0.5


@pytest.fixture(scope="module")
def watched(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[tuple[PostgresWire, AgentTalk]]:
    """A server whose traffic to Postgres is watched, and an agent of it."""
    with ExitStack() as stack:
        schema = stack.enter_context(throwaway_schema(embedded_uri))
        wire = stack.enter_context(PostgresWire(embedded_uri))
        environment = environment_of(wire.uri, schema, scripted_model)
        server = ServerProcess(environment | {"LETTA_RUN_LEASE_SECONDS": str(LEASE_SECONDS)})
        stack.enter_context(server)
        http = stack.enter_context(httpx2.Client(base_url=server.url, trust_env=False))
        talk = make(http)
        talk.say("Hello.")
        yield wire, talk


def test_an_idle_server_asks_one_question_now_and_then(watched: tuple[PostgresWire, AgentTalk]) -> None:
    """The pause is three times a lease and at most a minute: with the usual lease of 20 s, once a minute."""
    wire, _ = watched
    time.sleep(2 * LEASE_SECONDS)
    with wire.measure() as traffic:
        time.sleep(9 * LEASE_SECONDS)
    assert 1 <= len(traffic.statements) <= 4
    assert all("lease_expires_at" in statement for statement in traffic.statements)
    assert traffic.round_trips <= 2 * len(traffic.statements) + 1


def test_the_event_log_costs_little(watched: tuple[PostgresWire, AgentTalk], model: ScriptedModel) -> None:
    wire, talk = watched
    options = {"background": True, "stream_tokens": True}
    with wire.measure() as traffic:
        talk.stream(input=model.script(Reply("word " * 50)).say(), **options)
    log = [statement for statement in traffic.statements if "run_events" in statement]
    assert len(log) <= 2
    assert traffic.connections == 0


def test_reading_a_log_again_takes_a_handful_of_statements(
    watched: tuple[PostgresWire, AgentTalk], model: ScriptedModel
) -> None:
    wire, talk = watched
    messages = talk.stream(input="Hello.", background=True, include_pings=True)
    with wire.measure() as traffic:
        resume(talk.http, messages[0]["run_id"])
    assert len([s for s in traffic.statements if "callback_url IS NOT NULL" not in s]) <= 4


@pytest.mark.parametrize("settings", [{}, {"enable_sleeptime": True}], ids=["plain", "cared for"])
def test_a_turn_takes_six_statements(watched: tuple[PostgresWire, AgentTalk], settings: dict[str, bool]) -> None:
    """Also where another agent looks after its memory every so many turns, this one not being among them."""
    wire, first = watched
    talk = make(first.http, **settings)
    behind = talk.say("Hello.")["usage"]["run_ids"] or []
    until(lambda: all(talk.run(run_id)["completed_at"] for run_id in behind))
    with wire.measure() as traffic:
        talk.say("Hello.")
    own = [s for s in traffic.statements if "callback_url IS NOT NULL" not in s and "SET lease_expires_at" not in s]
    assert len(own) <= 6, "\n".join(own)
