"""A Postgres of the doctor's tests' own, as they change roles and settings of the whole cluster."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from letta.database.base import SCHEMA
from letta.database.dsn import Chosen, parse_dsn
from letta.database.embedded import EmbeddedPostgres
from letta.database.engine import Database
from letta.database.migrations import migrate
from letta.doctor import Check, DoctorContext, run_checks

Execute = Callable[[str], None]
Look = Callable[..., dict[str, Check]]


@pytest.fixture(scope="session")
def cluster_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The database as it is before the first start of a server."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("doctor") / "data", database="empty")
    uri = postgres.start()
    run(uri, "ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf()")  # databases come and go by the dozen
    run(uri, "CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE app LOGIN PASSWORD 'app'")
    yield uri
    postgres.stop()


@pytest.fixture(scope="session")
def migrated_uri(cluster_uri: str) -> str:
    """A database with our tables, which tests only look at."""
    run(cluster_uri, "CREATE DATABASE migrated")
    uri = cluster_uri.replace("/empty?", "/migrated?")
    database = Database(parse_dsn(uri))
    migrate(database)
    database.close()
    run(cluster_uri, "CREATE DATABASE template TEMPLATE migrated")
    return uri


@pytest.fixture
def look(migrated_uri: str, tmp_path: Path) -> Look:
    """Run all checks on `migrated_uri`, or another database, with changes to a sound context."""
    return lambda uri=migrated_uri, **changes: checks(tmp_path, uri, **changes)


@pytest.fixture
def scratch(cluster_uri: str, migrated_uri: str) -> Iterator[str]:
    """A copy of `migrated_uri` to be spoilt."""
    run(cluster_uri, "CREATE DATABASE scratch TEMPLATE template")
    yield cluster_uri.replace("/empty?", "/scratch?")
    run(cluster_uri, "DROP DATABASE scratch WITH (FORCE)")


@pytest.fixture
def execute(scratch: str) -> Execute:
    """Run statements in `scratch` as its superuser."""
    return lambda statements: run(scratch, statements)


def checks(tmp_path: Path, uri: str, **changes: object) -> dict[str, Check]:
    context = sound_context(tmp_path, uri, **changes)
    return {check.name: check for check in run_checks(context, limit_seconds=10)}


def sound_context(tmp_path: Path, uri: str, **changes: object) -> DoctorContext:
    values = {
        "letta_dir": tmp_path / "letta",
        "chosen": Chosen(parse_dsn(uri), "LETTA_PG_URI"),
        "key_fingerprint": "0123456789abcdef",
        "quota_mb": 500,
        "find_models": lambda: ["openai/gpt-4o-mini", "openai/gpt-4o"],
    }
    return DoctorContext(**(values | changes))  # type: ignore[arg-type]


def run(uri: str, statements: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements.split(";"):
            if statement.strip():
                cursor.execute(statement.replace("SCHEMA_NAME", SCHEMA))
