"""What tests share: Postgres, a scripted model, a running server with its clients; for rooms, an organization."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing

import httpx2
import hypothesis
import psycopg2
import pytest
from letta_client import Letta
from sqlalchemy import Connection, event, insert

from letta.database.dsn import parse_dsn
from letta.database.embedded import EmbeddedPostgres
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.migrations import migrate
from letta.organizations.actor import Actor
from letta.organizations.tables import organizations, users
from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.deploy.acceptance import pytest_configure
from tests.measuring import measured, pytest_runtest_protocol
from tests.pooler.supabase_like import SupabaseLike, supabase_like
from tests.skips import pytest_collection_modifyitems, pytest_runtest_makereport
from tests.support.servers import environment_of

__all__ = [
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_makereport",
    "pytest_runtest_protocol",
]

# How long inputs take to make, and examples to run, tells of the machine and not of the code.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


@pytest.fixture(scope="session")
def embedded_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The embedded Postgres, for tests that look at its traffic or need a superuser."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("postgres") / "data")
    uri = postgres.start()
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("ALTER SYSTEM SET fsync = off")  # what a power cut would take is a test's data
        cursor.execute("SELECT pg_reload_conf()")
    yield uri
    postgres.stop()


@pytest.fixture(scope="session")
def postgres_uri(request: pytest.FixtureRequest) -> str:
    """The database of the run: that of LETTA_TEST_PG_URI, else the embedded one."""
    chosen = os.environ.get("LETTA_TEST_PG_URI")
    if not chosen:
        return str(request.getfixturevalue("embedded_uri"))
    if not os.environ.get("LETTA_PG_SCHEMA", "").startswith("letta_test_"):
        pytest.fail("With LETTA_TEST_PG_URI, set LETTA_PG_SCHEMA to a new name that begins with letta_test_.")
    return chosen


@pytest.fixture(scope="session")
def supabase() -> Iterator[SupabaseLike]:
    """A database as Supabase offers it, for tests marked `pooler`."""
    with supabase_like() as running:
        yield running


@pytest.fixture(scope="session")
def scripted_model() -> Iterator[ScriptedModel]:
    with ScriptedModel() as model:
        yield model


@pytest.fixture
def model(scripted_model: ScriptedModel) -> ScriptedModel:
    """The model that `server` asks, without any script yet."""
    scripted_model.reset()
    return scripted_model


@pytest.fixture(scope="session")
def server(
    postgres_uri: str, scripted_model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """A running server that many tests share. Those that stop it, or set it up otherwise, start one of their own."""
    with throwaway_schema(postgres_uri) as schema:
        environment = environment_of(postgres_uri, schema, scripted_model)
        running = ServerProcess(environment, directory=tmp_path_factory.mktemp("server"))
        try:
            with measured():
                running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture
def server_environment(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[dict[str, str]]:
    """The environment for a server of a test's own, with a schema of its own."""
    with throwaway_schema(postgres_uri) as schema:
        yield environment_of(postgres_uri, schema, scripted_model)


@pytest.fixture
def client(server: ServerProcess) -> Iterator[Letta]:
    """The official client, which here doesn't hide failures by trying again."""
    with server.client(max_retries=0) as opened:
        yield opened


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    """For what the official client doesn't do."""
    with httpx2.Client(base_url=server.url, timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def database(postgres_uri: str) -> Iterator[Database]:
    """A migrated database, shared by all tests of a run."""
    opened = Database(parse_dsn(postgres_uri))
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A transaction, committed at the end of the test."""
    with database.transaction() as opened:
        yield opened


@pytest.fixture
def new_actor(database: Database) -> Callable[[], Actor]:
    """Makes users, each in an organization of its own."""

    def make() -> Actor:
        actor = Actor(new_id("user"), new_id("org"))
        database.run_sync(_insert_actor, actor)
        return actor

    return make


@pytest.fixture
def actor(new_actor: Callable[[], Actor]) -> Actor:
    """A user in an organization in which there is nothing yet."""
    return new_actor()


@pytest.fixture
def statements(database: Database) -> Iterator[list[str]]:
    """The SQL statements of the test, as they are executed."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def _insert_actor(connection: Connection, actor: Actor) -> None:
    connection.execute(insert(organizations).values(id=actor.organization_id, name="test"))
    connection.execute(insert(users).values(id=actor.user_id, organization_id=actor.organization_id, name="test"))
