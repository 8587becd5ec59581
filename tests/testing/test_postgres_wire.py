"""The wire-tap, between psycopg2 and a real Postgres."""

import io
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection

from letta.database.embedded.binaries import find_binaries
from letta.testing.postgres import PostgresWire
from letta.testing.postgres_wire import own_statements


@pytest.fixture
def wire(embedded_uri: str) -> Iterator[PostgresWire]:
    with PostgresWire(embedded_uri) as wire:
        yield wire


def connect(wire: PostgresWire) -> "closing[Connection]":
    return closing(psycopg2.connect(wire.uri, connect_timeout=5))


def query(connection: Connection, sql: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def test_connections_and_round_trips_are_counted(wire: PostgresWire) -> None:
    with wire.measure() as traffic, connect(wire) as connection:
        assert query(connection, "SELECT 1 + 1") == [(2,)]
        connection.commit()
        assert wire.open_connections == 1
    assert traffic.connections == 1
    assert traffic.round_trips == 3
    assert traffic.queries == ["BEGIN", "SELECT 1 + 1", "COMMIT"]
    assert traffic.statements == ["SELECT 1 + 1"]
    assert (wire.connections, wire.round_trips) == (1, 3)


def test_only_the_block_is_measured(wire: PostgresWire) -> None:
    with connect(wire) as connection:
        query(connection, "SELECT 'before'")
        with wire.measure() as traffic:
            query(connection, "SELECT 'in'")
        query(connection, "SELECT 'after'")
    assert (traffic.connections, traffic.round_trips, traffic.queries) == (0, 1, ["SELECT 'in'"])


def test_a_prepared_statement_counts_whenever_it_is_run(wire: PostgresWire, tmp_path: Path) -> None:
    pgbench = find_binaries().root / "bin" / "pgbench"
    script = tmp_path / "script.sql"
    script.write_text("SELECT 40 + 2;\n")
    with wire.measure() as traffic:
        command = [str(pgbench), "-n", "-M", "prepared", "-t", "5", "-f", str(script), wire.uri]
        subprocess.run(command, check=True, capture_output=True)
    assert traffic.statements.count("SELECT 40 + 2") == 5


def test_what_is_larger_than_a_packet_passes_whole(wire: PostgresWire) -> None:
    text = "x" * 1_000_000
    with connect(wire) as connection, connection.cursor() as cursor, wire.measure() as traffic:
        cursor.execute("SELECT %s, length(%s)", (text, text))
        assert cursor.fetchone() == (text, 1_000_000)
    assert traffic.statements == ["SELECT '', length('')"]


def test_copy_passes(wire: PostgresWire) -> None:
    with connect(wire) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE copied (n int)")
        cursor.copy_expert("COPY copied FROM STDIN", io.StringIO("\n".join(map(str, range(1000))) + "\n"))
        assert query(connection, "SELECT sum(n) FROM copied") == [(499500,)]


def test_a_slow_network(wire: PostgresWire) -> None:
    with connect(wire) as connection:
        connection.autocommit = True
        wire.delay = 0.03
        began = time.monotonic()
        query(connection, "SELECT 1")
        query(connection, "SELECT 2")
        assert time.monotonic() - began >= 0.06


def test_an_outage_breaks_connections_and_refuses_new_ones(wire: PostgresWire) -> None:
    with connect(wire) as connection:
        query(connection, "SELECT 1")
        with wire.outage():
            with pytest.raises(psycopg2.OperationalError):
                query(connection, "SELECT 2")
            with pytest.raises(psycopg2.OperationalError, match="refused"):
                connect(wire)
    with connect(wire) as connection:
        assert query(connection, "SELECT 3") == [(3,)]


def test_a_stalled_network_goes_on_where_it_stood(wire: PostgresWire) -> None:
    with connect(wire) as connection, ThreadPoolExecutor() as threads:
        wire.stall()
        answer = threads.submit(query, connection, "SELECT 1")
        with pytest.raises(TimeoutError):
            answer.result(0.1)
        wire.resume()
        assert answer.result(5) == [(1,)]


@pytest.mark.parametrize(("when", "stored"), [("before", 0), ("after", 1)])
def test_a_connection_cut_at_the_commit(embedded_uri: str, wire: PostgresWire, when: str, stored: int) -> None:
    with closing(psycopg2.connect(embedded_uri)) as direct:
        direct.autocommit = True
        query(direct, "DROP TABLE IF EXISTS public.cut_at; CREATE TABLE public.cut_at (n int)")
        wire.cut_at("^commit", "before" if when == "before" else "after")
        with connect(wire) as connection:
            query(connection, "INSERT INTO public.cut_at VALUES (1)")
            with pytest.raises(psycopg2.OperationalError):
                connection.commit()
        assert query(direct, "SELECT count(*) FROM public.cut_at") == [(stored,)]
    with connect(wire) as connection:
        query(connection, "SELECT 1")
        connection.commit()


# In a process of its own, since psycopg2 keeps the wire's thread from running while it sends the request.
CANCEL = """
import psycopg2, sys, threading
connection = psycopg2.connect(sys.argv[1])
threading.Timer(0.2, connection.cancel).start()
try:
    connection.cursor().execute("SELECT pg_sleep(10)")
except psycopg2.errors.QueryCanceled:
    sys.exit(42)
"""


def test_a_cancel_request_reaches_the_server(wire: PostgresWire) -> None:
    ended = subprocess.run([sys.executable, "-c", CANCEL, wire.uri], timeout=20, check=False)
    assert ended.returncode == 42
    assert wire.connections == 1


def test_the_uri_keeps_what_the_original_says() -> None:
    with PostgresWire(
        "postgresql://me:p%40ss%2F@db.example:6543/my%20db?application_name=a%20b&sslmode=require"
    ) as wire:
        port = wire.uri.split(":")[3].split("/")[0]
        assert wire.uri == (
            f"postgresql://me:p%40ss%2F@127.0.0.1:{port}/my%20db?application_name=a%20b&sslmode=disable"
        )


def test_a_server_that_is_not_there_ends_the_connection() -> None:
    with (
        PostgresWire("postgresql://me@127.0.0.1:1/db") as wire,
        pytest.raises(psycopg2.OperationalError, match="closed"),
    ):
        psycopg2.connect(wire.uri)


def test_a_wire_that_is_not_connected_says_so() -> None:
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        PostgresWire("postgresql://localhost/db").cut()


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("BEGIN", []),
        (
            "BEGIN READ ONLY; SET LOCAL lock_timeout='5s'; SELECT a FROM b WHERE c = 'x; y'",
            ["SELECT a FROM b WHERE c = ''"],
        ),
        ("SELECT 1", []),
        ("SELECT 1, 2", ["SELECT 1, 2"]),
        ("SELECT pg_catalog.set_config('a', 'b', true)", []),
        (
            "INSERT INTO a VALUES ('it''s; fine'); UPDATE b SET c = 1;",
            ["INSERT INTO a VALUES ('')", "UPDATE b SET c = 1"],
        ),
        ("DO $$ BEGIN; END $$", ["DO ''"]),
        ("commit; rollback; savepoint x; release x", []),
        ("SELECT * FROM settings", ["SELECT * FROM settings"]),
    ],
)
def test_own_statements(sql: str, statements: list[str]) -> None:
    assert own_statements(sql) == statements
