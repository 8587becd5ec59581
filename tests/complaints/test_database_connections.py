"""The former server opened 40 to 60 connections for a single message, and its pool forced TLS settings."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import httpx2
import psycopg2
import pytest

from letta.database.dsn import parse_dsn
from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import environment_of
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
POOL = 3 + 2


@pytest.fixture(scope="module")
def watched(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[tuple[PostgresWire, httpx2.Client]]:
    with ExitStack() as stack:
        schema = stack.enter_context(throwaway_schema(embedded_uri))
        wire = stack.enter_context(PostgresWire(embedded_uri))
        server = stack.enter_context(ServerProcess(environment_of(wire.uri, schema, scripted_model)))
        yield wire, stack.enter_context(httpx2.Client(base_url=server.url, timeout=60, trust_env=False))


def test_a_message_opens_no_connection_to_the_database(watched: tuple[PostgresWire, httpx2.Client]) -> None:
    wire, http = watched
    talk = AgentTalk(http)
    talk.say("Warm up.")
    with wire.measure() as traffic:
        for number in range(10):
            talk.say(f"Message {number}.")
    assert traffic.connections == 0
    assert len(traffic.statements) <= 10 * 7  # now and then, background work asks as well


def test_many_agents_at_once_share_a_handful_of_connections(
    watched: tuple[PostgresWire, httpx2.Client], embedded_uri: str, server: ServerProcess
) -> None:
    wire, http = watched
    talks = [AgentTalk(http) for _ in range(4 * POOL)]
    with wire.measure() as traffic, ThreadPoolExecutor(len(talks)) as threads:
        list(threads.map(lambda talk: talk.say("All at once."), talks))
    assert traffic.connections <= POOL
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'letta/%%' AND pid <> pg_backend_pid()"
    with closing(psycopg2.connect(embedded_uri)) as connection, connection.cursor() as cursor:
        cursor.execute(ours)
        (row,) = cursor.fetchall()
    assert row[0] <= 2 * POOL + 2, "this server's, and those of the one that other tests share"


@pytest.mark.parametrize("mode", ["disable", "require", "verify-ca", "verify-full"])
def test_sslmode_is_used_as_it_is_written(mode: str) -> None:
    """It was overridden by the pool, and crashed one of the two drivers."""
    dsn = parse_dsn(f"postgresql://u:p@db.example:5432/x?sslmode={mode}", sslrootcert="/etc/ssl/ca.pem")
    arguments = dsn.connect_arguments("letta")
    assert re.search(rf"sslmode['\"]?[=:] ?['\"]?{mode}\b", str(arguments)), "passed on to the one driver there is"


def test_one_driver_serves_the_server_and_its_migrations() -> None:
    lock = (ROOT / "requirements.lock").read_text().lower()
    assert "psycopg2-binary==" in lock
    assert not re.search(r"^(asyncpg|pg8000|psycopg|aiosqlite)(\[.*\])?==", lock, re.MULTILINE)
