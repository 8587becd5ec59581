"""The way to the database: TLS and poolers in front of a real one, and servers that refuse or say nothing."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from letta.database.dsn import Chosen, choose_dsn, parse_dsn
from letta.doctor import Check, DoctorContext, Status, exit_code, render, run_checks
from letta.testing.fake_pooler import FakePooler, Forward, Refusal, Silence

Look = Callable[..., dict[str, Check]]
SECRET = "hunter2-hunter2"


@pytest.fixture(scope="module")
def front(cluster_uri: str) -> Iterator[FakePooler]:
    """TLS in front of the real server."""
    dsn = parse_dsn(cluster_uri)
    with FakePooler(Forward(Path(dsn.host) / f".s.PGSQL.{dsn.port}"), tls=True) as front:
        yield front


@pytest.fixture
def through(front: FakePooler, migrated_uri: str) -> Callable[..., str]:
    """A connection string that leads through the front, under any host name."""
    password = parse_dsn(migrated_uri).password

    def uri(query: str, host: str = "db.example") -> str:
        return f"postgresql://letta:{password}@{host}:{front.port}/migrated?hostaddr=127.0.0.1&{query}"

    return uri


def test_encrypted_and_not_verified(look: Look, through: Callable[..., str]) -> None:
    check = look(through("sslmode=require"))["Transport"]
    assert check.status is Status.OK
    assert check.finding.startswith("TLSv1.3")
    assert "LETTA_PG_SSLROOTCERT" in check.remedy


def test_encrypted_and_verified(look: Look, through: Callable[..., str], front: FakePooler) -> None:
    check = look(through(f"sslrootcert={front.certificate}", host="localhost"))["Transport"]
    assert check.status is Status.OK
    assert "verified." in check.finding


@pytest.mark.parametrize("authority", ["missing.pem", "another"])
def test_server_that_cannot_be_verified_is_not_spoken_to_in_clear(
    look: Look, through: Callable[..., str], front: FakePooler, tmp_path: Path, authority: str
) -> None:
    startups = len(front.startups)
    with FakePooler(Silence.DROP, tls=True) as other:
        path = other.certificate if authority == "another" else tmp_path / authority
        checks = look(through(f"sslmode=verify-full&sslrootcert={path}", host="localhost"))
    assert checks["Reachability"].status is Status.FAIL
    assert "LETTA_PG_SSLROOTCERT" in checks["Reachability"].remedy
    assert checks["Transport"].status is Status.SKIP
    assert len(front.startups) == startups


def test_not_encrypted(look: Look, through: Callable[..., str]) -> None:
    checks = look(through("sslmode=disable"))
    assert checks["Connection string"].status is Status.WARN
    assert checks["Transport"].status is Status.WARN


def test_session_pool_too_small_for_two_instances(look: Look, through: Callable[..., str]) -> None:
    uri = through("sslmode=require", host="aws-0-eu-central-1.pooler.supabase.com")
    assert look(uri, connections=5)["Pooler"].status is Status.OK
    check = look(uri, connections=8)["Pooler"]
    assert check.status is Status.WARN
    assert "two instances may open 16" in check.finding


def test_direct_host(look: Look, through: Callable[..., str]) -> None:
    check = look(through("sslmode=require", host="db.abcdefgh.supabase.co"))["Pooler"]
    assert (check.status, check.remedy) == (Status.OK, "On Render, use the session pooler's connection string.")


def test_wrong_password_is_tried_once(tmp_path: Path) -> None:
    refusal = Refusal('password authentication failed for user "postgres"', "28P01")
    with FakePooler(refusal, tls=True) as pooler:
        uri = pooler.dsn("sslmode=require&supa=x", password=SECRET)
        checks = look_alone(tmp_path, uri)
        assert pooler.connections == 1
    assert checks["Reachability"].status is Status.FAIL
    assert checks["Reachability"].finding == "Failed: authentication."
    assert "DATABASE_URL" in checks["Reachability"].remedy
    assert checks["Encryption key"].status is Status.FAIL
    assert SECRET not in render(list(checks.values()))


def test_silent_server_is_given_up(tmp_path: Path) -> None:
    with FakePooler(Silence.HANG) as pooler:
        started = time.monotonic()
        checks = look_alone(tmp_path, pooler.dsn(), limit_seconds=0.3)
        assert time.monotonic() - started < 20
    assert checks["Reachability"].finding == "No answer within 0 s."
    assert checks["pgvector"].status is Status.SKIP


@pytest.mark.parametrize(
    ("settings", "on_render", "status"),
    [
        ({}, False, Status.OK),
        ({}, True, Status.FAIL),
        ({"LETTA_PG_URI": f"postgresql://u:{SECRET}@h.invalid/db?pgbouncer=true"}, True, Status.OK),
        ({"LETTA_PG_URI": f"postgresql://u:{SECRET}@h.invalid/db?sslmode=disable"}, True, Status.WARN),
    ],
)
def test_connection_string(tmp_path: Path, settings: dict[str, str], on_render: bool, status: Status) -> None:
    context = DoctorContext(tmp_path, choose_dsn(settings), on_render=on_render)
    checks = run_checks(context)
    assert checks[1].name == "Connection string"
    assert checks[1].status is status
    assert SECRET not in render(checks)


def test_connection_string_that_cannot_be_used(tmp_path: Path) -> None:
    context = DoctorContext(tmp_path, dsn_error="LETTA_PG_URI names no user. Write it.")
    checks = run_checks(context)
    assert (checks[1].finding, checks[1].remedy) == ("LETTA_PG_URI names no user.", "Write it.")
    assert exit_code(checks) == 1


def look_alone(tmp_path: Path, uri: str, limit_seconds: float = 10) -> dict[str, Check]:
    context = DoctorContext(tmp_path, Chosen(parse_dsn(uri), "DATABASE_URL"))
    return {check.name: check for check in run_checks(context, limit_seconds=limit_seconds)}
