"""What tests of rooms share: a migrated database, and an organization of each test's own."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, event, insert

from letta.database.dsn import parse_dsn
from letta.database.embedded import EmbeddedPostgres
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.database.migrations import migrate
from letta.organizations.actor import Actor
from letta.organizations.tables import organizations, users


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database, shared by all tests of a run."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("rooms") / "data")
    opened = Database(parse_dsn(postgres.start()))
    migrate(opened)
    yield opened
    opened.close()
    postgres.stop()


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
