"""Transactions, their repetition, and what a lost connection leads to."""

from collections.abc import Iterator

import psycopg2
import pytest
from sqlalchemy import Connection, text

from letta.database.dsn import parse_dsn
from letta.database.engine import CommitUnknownError, Database
from letta.errors import UnavailableError
from letta.testing.postgres import PostgresWire


@pytest.fixture
def wire(embedded_uri: str) -> Iterator[PostgresWire]:
    with PostgresWire(embedded_uri) as opened:
        yield opened


@pytest.fixture
def wired(wire: PostgresWire) -> Iterator[Database]:
    opened = Database(parse_dsn(wire.uri), pool_size=1, max_overflow=0, pool_timeout=2)
    yield opened
    opened.close()


def _one(connection: Connection) -> int:
    return connection.scalar(text("SELECT 1")) or 0


async def test_a_unit_costs_one_round_trip_beyond_its_statements(wire: PostgresWire, wired: Database) -> None:
    await wired.run(_one)
    with wire.measure() as traffic:
        assert await wired.run(_one) == 1
    assert (traffic.round_trips, traffic.connections) == (2, 0)


async def test_settings_of_a_transaction_end_with_it(database: Database) -> None:
    def timeout(connection: Connection) -> str:
        return str(connection.scalar(text("SHOW idle_in_transaction_session_timeout")))

    assert await database.run(timeout) == "1min"
    with psycopg2.connect(**database.dsn.connect_arguments("test")) as other, other.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)


async def test_an_error_rolls_everything_back(database: Database, actor: object) -> None:
    def failing(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE letta_never (id int)"))
        raise KeyError("stop")

    with pytest.raises(KeyError):
        await database.run(failing)
    found = await database.read(lambda connection: connection.scalar(text("SELECT to_regclass('letta_never')")))
    assert found is None


async def test_reading_can_not_write(database: Database) -> None:
    def writing(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE letta_never (id int)"))

    with pytest.raises(UnavailableError, match="read-only"):
        await database.read(writing)


async def test_what_is_discarded_leaves_no_trace(database: Database) -> None:
    def create(connection: Connection) -> str:
        connection.execute(text("CREATE TABLE letta_never (id int)"))
        return str(connection.scalar(text("SELECT to_regclass('letta_never')")))

    assert await database.discard(create) == "letta_never"
    assert await database.read(lambda connection: connection.scalar(text("SELECT to_regclass('letta_never')"))) is None


async def test_a_dead_connection_is_replaced_and_the_unit_run_again(wire: PostgresWire, wired: Database) -> None:
    await wired.run(_one)
    wire.cut()
    wire.restore()
    assert await wired.run(_one) == 1


async def test_a_backend_that_was_ended_is_replaced(database: Database) -> None:
    def end(connection: Connection) -> None:
        connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'victim'")
        )

    victim = Database(database.dsn, pool_size=1, max_overflow=0, application_name="victim")
    await victim.run(_one)
    await database.run(end)
    assert await victim.run(_one) == 1
    victim.close()


async def test_a_database_that_is_gone_is_an_answer_not_a_traceback(wire: PostgresWire, wired: Database) -> None:
    await wired.run(_one)
    wire.cut()
    with pytest.raises(UnavailableError) as caught:
        await wired.run(_one)
    assert caught.value.status == 503
    assert caught.value.headers["Retry-After"]
    wire.restore()
    assert await wired.run(_one) == 1


async def test_a_commit_that_was_cut_off_is_looked_up(wire: PostgresWire, wired: Database) -> None:
    await wired.run(
        lambda connection: connection.execute(
            text("CREATE TABLE IF NOT EXISTS public.letta_commits (id int PRIMARY KEY)")
        )
    )
    runs: list[int] = []

    def unit(connection: Connection) -> str:
        runs.append(1)
        connection.execute(text("INSERT INTO public.letta_commits VALUES (7)"))
        return "written"

    def confirm(connection: Connection) -> str | None:
        return "written" if connection.scalar(text("SELECT 1 FROM public.letta_commits WHERE id = 7")) else None

    wire.cut_at("^COMMIT", "after")
    assert await wired.run_confirmed(unit, confirm) == "written"
    assert runs == [1]
    assert await wired.run(lambda connection: connection.scalar(text("SELECT count(*) FROM public.letta_commits"))) == 1
    await wired.run(lambda connection: connection.execute(text("DROP TABLE public.letta_commits")))


async def test_a_commit_that_is_still_under_way_when_it_is_looked_up_is_looked_up_again(
    wire: PostgresWire, wired: Database
) -> None:
    """The unit was run again, met its own rows, and broke down."""
    table = "public.letta_late_commits"
    await wired.run(lambda connection: connection.execute(text(f"CREATE TABLE IF NOT EXISTS {table} (id int UNIQUE)")))
    looks: list[str | None] = []

    def unit(connection: Connection) -> str:
        connection.execute(text(f"INSERT INTO {table} VALUES (7)"))
        return "written"

    def confirm(connection: Connection) -> str | None:
        found = "written" if connection.scalar(text(f"SELECT 1 FROM {table}")) else None
        looks.append(found if looks else None)  # the first look is a moment too early
        return looks[-1]

    wire.cut_at("^COMMIT", "after")
    try:
        assert await wired.run_confirmed(unit, confirm) == "written"
    finally:
        await wired.run(lambda connection: connection.execute(text(f"DROP TABLE {table}")))
    assert looks == [None, "written"]


async def test_a_unit_that_only_reads_needs_no_commit(wire: PostgresWire, wired: Database) -> None:
    """What it had read was thrown away, and whoever wanted to know it was told to look whether his change was there."""
    wire.cut_at("^COMMIT", "after")
    assert await wired.read(_one) == 1


async def test_a_commit_that_was_cut_off_is_not_simply_repeated(wire: PostgresWire, wired: Database) -> None:
    await wired.run(_one)

    def unit(connection: Connection) -> None:
        connection.execute(text("SELECT 2"))

    wire.cut_at("^COMMIT", "before")
    with pytest.raises(CommitUnknownError):
        await wired.run(unit)


async def test_transactions_that_collide_are_repeated(database: Database) -> None:
    attempts: list[int] = []

    def colliding(connection: Connection) -> int:
        attempts.append(1)
        if len(attempts) < 3:
            connection.execute(text("DO $$ BEGIN RAISE EXCEPTION 'busy' USING ERRCODE = '40001'; END $$"))
        return len(attempts)

    assert await database.run(colliding) == 3


async def test_a_faulty_statement_is_not_repeated(database: Database) -> None:
    attempts: list[int] = []

    def faulty(connection: Connection) -> None:
        attempts.append(1)
        connection.execute(text("SELECT no_such_column"))

    with pytest.raises(Exception, match="no_such_column"):
        await database.run(faulty)
    assert attempts == [1]
