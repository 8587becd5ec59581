"""Real errors: from a Postgres, from a fake pooler that refuses everybody, and from the network."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa
from psycopg2.extensions import connection as Connection
from sqlalchemy import exc

from letta.database.dsn import DsnError, parse_dsn
from letta.database.embedded import EmbeddedPostgres
from letta.database.failures import FailureKind, classify, hint
from letta.testing.fake_pooler import FakePooler, Refusal, Silence

PASSWORD = "correct-horse"

REFUSALS = {
    "EMAXCONNSESSION": (
        "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
        FailureKind.CAPACITY,
        "port 6543",
    ),
    "MaxClientsInSessionMode": (
        "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
        FailureKind.CAPACITY,
        "LETTA_PG_POOL_SIZE",
    ),
    "EMAXCONN": ("(EMAXCONN) max client connections reached, limit: 200", FailureKind.CAPACITY, "no room"),
    "old EMAXCONN": ("Max client connections reached", FailureKind.CAPACITY, "no room"),
    "ECHECKOUTTIMEOUT": (
        "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 60000ms in Transaction mode",
        FailureKind.CAPACITY,
        "busy",
    ),
    "53300": (
        "remaining connection slots are reserved for non-replication superuser connections",
        FailureKind.CAPACITY,
        "pooler's connection string",
    ),
    "53300 since 16": (
        "remaining connection slots are reserved for roles with the SUPERUSER attribute",
        FailureKind.CAPACITY,
        "pooler's connection string",
    ),
    "too many clients": ("sorry, too many clients already", FailureKind.CAPACITY, "pooler's connection string"),
    "max_client_conn": ("no more connections allowed (max_client_conn)", FailureKind.CAPACITY, "no room"),
    "query_wait_timeout": ("query_wait_timeout", FailureKind.CAPACITY, "busy"),
    "no tenant": ("Tenant or user not found", FailureKind.CONFIGURATION, "aws-N"),
    "ENOTFOUND": ("(ENOTFOUND) tenant/user postgres.abc not found", FailureKind.CONFIGURATION, "paused"),
    "ENOIDENTIFIER": (
        "(ENOIDENTIFIER) no tenant identifier provided",
        FailureKind.CONFIGURATION,
        "postgres.<project ref>",
    ),
    "wrong password": (
        'password authentication failed for user "postgres"',
        FailureKind.AUTHENTICATION,
        "banned",
    ),
    "SASL": ("SASL authentication failed", FailureKind.AUTHENTICATION, "banned"),
    "EWRONGPASSWORD": ("(EWRONGPASSWORD) wrong password", FailureKind.AUTHENTICATION, "banned"),
    "no role": ('role "letta" does not exist', FailureKind.AUTHENTICATION, "User or password"),
    "ECIRCUITBREAKER": (
        "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked",
        FailureKind.BLOCKED,
        "two minutes",
    ),
    "circuit breaker": (
        "Circuit breaker open: Unable to establish connection to upstream database",
        FailureKind.BLOCKED,
        "two minutes",
    ),
    "ESSLREQUIRED": ("(ESSLREQUIRED) SSL connection is required", FailureKind.CONFIGURATION, "sslmode=require"),
    "SSL required": ("SSL required", FailureKind.CONFIGURATION, "sslmode=require"),
    "pg_hba, no encryption": (
        'no pg_hba.conf entry for host "10.1.2.3", user "u", database "db", no encryption',
        FailureKind.CONFIGURATION,
        "sslmode=require",
    ),
    "pg_hba": (
        'no pg_hba.conf entry for host "10.1.2.3", user "u", database "db", SSL encryption',
        FailureKind.CONFIGURATION,
        "pg_hba.conf",
    ),
    "EADDRNOTALLOWED": (
        "(EADDRNOTALLOWED) address not in tenant allow_list: {10, 1, 2, 3}",
        FailureKind.CONFIGURATION,
        "network restrictions",
    ),
    "no database": ('database "nothing" does not exist', FailureKind.CONFIGURATION, "The database does not exist"),
    "options": ("unsupported startup parameter: options", FailureKind.CONFIGURATION, "question mark"),
    "starting up": ("the database system is starting up", FailureKind.STARTING_UP, "wait"),
    "shutting down": ("the database system is shutting down", FailureKind.STARTING_UP, "wait"),
    "recovery": ("the database system is in recovery mode", FailureKind.STARTING_UP, "wait"),
    "08006": ("Failed to connect to database: econnrefused", FailureKind.STARTING_UP, "wait"),
    "server_login_retry": (
        "server login has been failing, cached error: connect failed (server_login_retry)",
        FailureKind.STARTING_UP,
        "wait",
    ),
    "57P01": ("terminating connection due to administrator command", FailureKind.CONNECTION_LOST, "try again"),
    "EDBHANDLEREXITED": ("(EDBHANDLEREXITED) connection to database closed", FailureKind.CONNECTION_LOST, "try again"),
    "EPOOLTERMINATING": ("(EPOOLTERMINATING) pool terminating: shutdown", FailureKind.CONNECTION_LOST, "try again"),
}


@pytest.mark.parametrize(("text", "kind", "remedy"), REFUSALS.values(), ids=REFUSALS.keys())
def test_refusals_at_connect(text: str, kind: FailureKind, remedy: str) -> None:
    with FakePooler(Refusal(text)) as pooler:
        raw, wrapped = failures_to_connect(pooler.dsn(password=PASSWORD))
    for error in (raw, wrapped):
        assert classify(error) is kind
        assert remedy in hint(error)
        assert PASSWORD not in hint(error)
        assert "\n" not in hint(error)
    assert pooler.connections == 2


@pytest.mark.parametrize("refusal", ["wrong password", "EWRONGPASSWORD", "SASL", "ECIRCUITBREAKER", "ENOTFOUND"])
def test_a_refused_login_is_tried_once_and_not_again_for_a_minute(refusal: str) -> None:
    text, kind, _ = REFUSALS[refusal]
    with FakePooler(Refusal(text), tls=True) as pooler:
        error = failure_to_connect(pooler.dsn("sslmode=require"))
        assert pooler.connections == 1
        assert pooler.startups[0].encrypted
        assert "options" not in pooler.startups[0].parameters
    assert classify(error) is kind
    assert kind.boot_pause_seconds >= 60


def test_prefer_would_try_a_refused_login_twice_so_it_is_not_used() -> None:
    refusal = Refusal('password authentication failed for user "postgres"', "28P01")
    with FakePooler(refusal, tls=True) as pooler:
        with pytest.raises(psycopg2.OperationalError):
            psycopg2.connect(pooler.dsn("sslmode=prefer"))
        assert pooler.connections == 2
    with FakePooler(refusal, tls=True) as pooler:
        failure_to_connect(pooler.dsn("sslmode=prefer"))
        assert pooler.connections == 1


def test_options_of_the_environment_do_not_reach_the_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=x")
    with FakePooler(Refusal("unsupported startup parameter: options")) as pooler:
        failure_to_connect(pooler.dsn())
    assert "options" not in pooler.startups[0].parameters
    assert pooler.startups[0].parameters["application_name"] == "letta"


def test_dropped_connection_at_connect() -> None:
    with FakePooler(Silence.DROP) as pooler:
        assert classify(failure_to_connect(pooler.dsn())) is FailureKind.CONNECTION_LOST


def test_silent_server_is_given_up() -> None:
    with FakePooler(Silence.HANG) as pooler:
        started = time.monotonic()
        error = failure_to_connect(pooler.dsn("connect_timeout=1"))
    assert classify(error) is FailureKind.UNREACHABLE
    assert time.monotonic() - started < 20


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        error = failure_to_connect(f"postgresql://u:p@127.0.0.1:{taken.getsockname()[1]}/db")
    assert classify(error) is FailureKind.UNREACHABLE
    assert "check that it is running" in hint(error)


def test_no_socket_in_the_directory(tmp_path: Path) -> None:
    error = failure_to_connect(f"postgresql:///db?user=u&host={tmp_path}")
    assert classify(error) is FailureKind.UNREACHABLE


def test_no_such_host() -> None:
    error = failure_to_connect("postgresql://u:p@no-such-host.invalid/db")
    assert classify(error) in {FailureKind.CONFIGURATION, FailureKind.UNREACHABLE}  # the latter without any DNS


def test_no_such_supabase_project() -> None:
    error = psycopg2.OperationalError(
        'could not translate host name "db.abcdefgh.supabase.co" to address: No address associated with hostname\n'
    )
    assert classify(error) is FailureKind.CONFIGURATION
    assert "pooler connection string" in hint(error)


@pytest.mark.parametrize("host", ["[2001:db8::1]/postgres", "db.abcdefgh.supabase.co/postgres?hostaddr=2001:db8::1"])
def test_direct_host_without_ipv6_leads_to_the_pooler(host: str) -> None:
    script = (
        "import psycopg2; from letta.database.dsn import parse_dsn; from letta.database import failures\n"
        f"dsn = parse_dsn('postgresql://postgres:p@{host}')\n"
        "try: psycopg2.connect(**dsn.connect_arguments('letta'))\n"
        "except psycopg2.Error as error: print(failures.classify(error).name, failures.hint(error))\n"
    )
    unshare = shutil.which("unshare")
    assert unshare
    started = time.monotonic()
    ran = subprocess.run([unshare, "-rn", sys.executable, "-c", script], capture_output=True, text=True, check=False)
    if "unshare failed" in ran.stderr:
        pytest.skip("this machine doesn't let us have a network namespace")
    assert ran.stdout.startswith("CONFIGURATION ")
    assert "pooler connection string" in ran.stdout
    assert time.monotonic() - started < 30


def test_tls_not_offered() -> None:
    with FakePooler(Refusal("never reached")) as pooler:
        error = failure_to_connect(pooler.dsn("sslmode=require"))
    assert classify(error) is FailureKind.CONFIGURATION
    assert "sslmode=disable" in hint(error)
    assert "DATABASE_URL" in hint(error, setting="DATABASE_URL")


def test_certificate_is_verified(tmp_path: Path) -> None:
    refusal = Refusal("sorry, too many clients already", "53300")
    with FakePooler(refusal, tls=True) as pooler, FakePooler(refusal, tls=True) as other:
        trusted = failure_to_connect(pooler.dsn(f"sslmode=verify-full&sslrootcert={pooler.certificate}"))
        assert classify(trusted) is FailureKind.CAPACITY
        for authority in (other.certificate, tmp_path / "missing.pem"):
            error = failure_to_connect(pooler.dsn(f"sslmode=verify-full&sslrootcert={authority}"))
            assert classify(error) is FailureKind.CONFIGURATION
            assert "LETTA_PG_SSLROOTCERT" in hint(error)
        assert [startup.encrypted for startup in pooler.startups] == [True]


@pytest.fixture(scope="module")
def postgres_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("failures") / "data")
    uri = postgres.start()
    with closing(connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE things (id int PRIMARY KEY, name text UNIQUE, CHECK (name <> 'wrong'))")
        cursor.execute("INSERT INTO things VALUES (1, 'one'), (2, 'two')")
        cursor.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'; GRANT CREATE ON SCHEMA public TO guest")
    yield uri
    postgres.stop()


@pytest.fixture
def engine(postgres_uri: str) -> Iterator[sa.Engine]:
    engine = sa.create_engine("postgresql+psycopg2://", creator=lambda: connect(postgres_uri))
    yield engine
    engine.dispose()


STATEMENTS = {
    "57014 time limit": ("SET LOCAL statement_timeout='20ms'; SELECT pg_sleep(5)", FailureKind.TIMEOUT),
    "25006": ("SET TRANSACTION READ ONLY; INSERT INTO things VALUES (9)", FailureKind.READ_ONLY),
    "23505": ("INSERT INTO things VALUES (1)", FailureKind.PERMANENT),
    "23514": ("INSERT INTO things VALUES (9, 'wrong')", FailureKind.PERMANENT),
    "42P01": ("SELECT * FROM nothing", FailureKind.PERMANENT),
    "42704": ("SET ROLE nobody", FailureKind.PERMANENT),
    "22P02": ("SELECT 'x'::int", FailureKind.PERMANENT),
    "P0001": ("DO $$ BEGIN RAISE 'sorry, too many clients already'; END $$", FailureKind.PERMANENT),
    "40001": ("DO $$ BEGIN RAISE 'x' USING ERRCODE = '40001'; END $$", FailureKind.RETRY_TRANSACTION),
    "40P01": ("DO $$ BEGIN RAISE 'x' USING ERRCODE = '40P01'; END $$", FailureKind.RETRY_TRANSACTION),
    "53100": ("DO $$ BEGIN RAISE 'No space left on device' USING ERRCODE = '53100'; END $$", FailureKind.READ_ONLY),
    "53200": ("DO $$ BEGIN RAISE 'out of memory' USING ERRCODE = '53200'; END $$", FailureKind.CAPACITY),
    "XX000": (
        "DO $$ BEGIN RAISE '(ECHECKOUTTIMEOUT) unable to check out' USING ERRCODE = 'XX000'; END $$",
        FailureKind.CAPACITY,
    ),
}


@pytest.mark.parametrize(("statement", "kind"), STATEMENTS.values(), ids=STATEMENTS.keys())
def test_failed_statements(engine: sa.Engine, statement: str, kind: FailureKind) -> None:
    with engine.connect() as connection, pytest.raises(exc.DBAPIError) as caught:
        connection.exec_driver_sql(statement)
    assert classify(caught.value) is kind
    assert classify(caught.value.orig or caught.value) is kind
    assert hint(caught.value).endswith(".")


@pytest.mark.parametrize("text", [text for text, _, _ in REFUSALS.values()])
def test_data_that_reads_like_a_failure_is_none(engine: sa.Engine, text: str) -> None:
    insert = sa.text("INSERT INTO things VALUES (100, :name), (101, :name)")
    with engine.connect() as connection, pytest.raises(exc.IntegrityError) as caught:
        connection.execute(insert, {"name": text})
    assert text in str(caught.value)
    assert classify(caught.value) is FailureKind.PERMANENT


def test_lock_not_available(engine: sa.Engine) -> None:
    with engine.connect() as first, engine.connect() as second, first.begin():
        first.exec_driver_sql("SELECT * FROM things WHERE id = 1 FOR UPDATE")
        with pytest.raises(exc.OperationalError) as caught:
            second.exec_driver_sql("SELECT * FROM things WHERE id = 1 FOR UPDATE NOWAIT")
    assert classify(caught.value) is FailureKind.RETRY_TRANSACTION


def test_real_serialization_failure(engine: sa.Engine) -> None:
    serializable = engine.execution_options(isolation_level="REPEATABLE READ")
    with serializable.connect() as first, serializable.connect() as second:
        second.exec_driver_sql("SELECT * FROM things")
        first.exec_driver_sql("UPDATE things SET name = name WHERE id = 1")
        first.commit()
        with pytest.raises(exc.OperationalError) as caught:
            second.exec_driver_sql("UPDATE things SET name = name WHERE id = 1")
    assert classify(caught.value) is FailureKind.RETRY_TRANSACTION


def test_backend_terminated(engine: sa.Engine) -> None:
    with engine.connect() as victim, engine.connect() as killer:
        killer.execute(sa.text("SELECT pg_terminate_backend(:pid, 2000)"), {"pid": backend_pid(victim)})
        with pytest.raises(exc.DBAPIError) as caught:
            victim.exec_driver_sql("SELECT 1")
        assert caught.value.connection_invalidated
        assert classify(caught.value) is FailureKind.CONNECTION_LOST
        assert classify(caught.value.orig or caught.value) is FailureKind.CONNECTION_LOST


def test_idle_in_transaction_for_too_long(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 50")
        time.sleep(0.2)
        with pytest.raises(exc.DBAPIError) as caught:
            connection.exec_driver_sql("SELECT 1")
        connection.invalidate()
    assert classify(caught.value) is FailureKind.CONNECTION_LOST


def test_connection_closed_by_ourselves(postgres_uri: str) -> None:
    connection = connect(postgres_uri)
    connection.close()
    with pytest.raises(psycopg2.InterfaceError) as caught:
        connection.cursor()
    assert classify(caught.value) is FailureKind.CONNECTION_LOST


def test_no_connection_free_in_the_pool(postgres_uri: str) -> None:
    engine = sa.create_engine(
        "postgresql+psycopg2://", creator=lambda: connect(postgres_uri), pool_size=1, max_overflow=0, pool_timeout=0.05
    )
    with engine.connect(), pytest.raises(exc.TimeoutError) as caught:
        engine.connect()
    engine.dispose()
    assert classify(caught.value) is FailureKind.CAPACITY
    assert "try again" in hint(caught.value)


@pytest.mark.parametrize(
    ("change", "kind", "remedy"),
    [
        (lambda uri: uri.replace("letta:", "letta:x"), FailureKind.AUTHENTICATION, "User or password"),
        (lambda uri: uri.replace("letta:", "nobody:"), FailureKind.AUTHENTICATION, "User or password"),
        (lambda uri: uri.replace("/letta?", "/nothing?"), FailureKind.CONFIGURATION, "The database does not exist"),
    ],
)
def test_real_refusals_at_connect(
    postgres_uri: str, change: Callable[[str], str], kind: FailureKind, remedy: str
) -> None:
    error = failure_to_connect(change(postgres_uri))
    assert classify(error) is kind
    assert remedy in hint(error)


def test_no_password_given(postgres_uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSFILE", "/dev/null")
    error = failure_to_connect(f"postgresql:///letta?user=letta&host={parse_dsn(postgres_uri).host}")
    assert classify(error) is FailureKind.AUTHENTICATION
    assert "requires a password" in hint(error)


def test_database_full_of_connections(postgres_uri: str) -> None:
    with closing(connect(postgres_uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("ALTER ROLE guest CONNECTION LIMIT 0")
    dsn = parse_dsn(postgres_uri)
    error = failure_to_connect(f"postgresql:///letta?user=guest&password=guest&host={dsn.host}&port={dsn.port}")
    assert classify(error) is FailureKind.CAPACITY


def test_missing_privilege_is_permanent_and_told(engine: sa.Engine) -> None:
    with engine.connect() as connection, pytest.raises(exc.ProgrammingError) as caught:
        connection.exec_driver_sql("SET LOCAL ROLE guest; SELECT * FROM things")
    assert classify(caught.value) is FailureKind.PERMANENT
    assert "privilege" in hint(caught.value)


def test_what_is_no_database_failure_has_no_kind() -> None:
    assert classify(ValueError("sorry, too many clients already")) is None
    assert classify(exc.ArgumentError("wrong")) is FailureKind.PERMANENT


def test_connection_string_explains_itself() -> None:
    error = DsnError("LETTA_PG_URI has no valid port.")
    assert classify(error) is FailureKind.CONFIGURATION
    assert hint(error) == "LETTA_PG_URI has no valid port."


def test_disconnect_noticed_by_the_pool() -> None:
    assert classify(exc.DisconnectionError()) is FailureKind.CONNECTION_LOST


def connect(uri: str) -> Connection:
    connection: Connection = psycopg2.connect(**parse_dsn(uri).connect_arguments("letta"))
    return connection


def failure_to_connect(uri: str) -> Exception:
    with pytest.raises(psycopg2.OperationalError) as caught:
        connect(uri)
    return caught.value


def failures_to_connect(uri: str) -> tuple[Exception, Exception]:
    """The same failure as the driver raises it, and as SQLAlchemy does."""
    engine = sa.create_engine("postgresql+psycopg2://", creator=lambda: connect(uri))
    with pytest.raises(exc.OperationalError) as caught:
        engine.connect()
    return failure_to_connect(uri), caught.value


def backend_pid(connection: sa.Connection) -> int:
    return int(connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one())
