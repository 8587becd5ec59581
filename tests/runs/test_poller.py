"""Following runs of other processes costs nothing while nobody does."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest
from sqlalchemy import Connection, text

from letta.database.engine import Database
from letta.errors import UNKNOWN, LettaError, NotFoundError, UnavailableError
from letta.runs.event_repository import News, RunState
from letta.runs.poller import Poller, Position

RUNNING = RunState(status="running", stop_reason=None, usage=None, error=None, over_for=None, lost=False)
OVER = RunState(status="completed", stop_reason="end_turn", usage=None, error=None, over_for=1.0, lost=False)


class Runs:
    """What the database says of some runs, and how often it was asked about which."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.states: dict[str, RunState] = {}

    def query(self, connection: Connection, positions: Sequence[Position]) -> dict[Position, News]:
        connection.execute(text("SELECT 1"))
        self.asked.append(sorted(run_id for run_id, _ in positions))
        if "run-damaged" in self.asked[-1]:
            raise ValueError("what is stored of it can't be read")
        return {key: News(self.states[key[0]], [], []) for key in positions if key[0] in self.states}

    async def are_asked_for(self, *names: str) -> None:
        """Wait until one query was about all of these."""
        while list(names) not in self.asked:  # noqa: ASYNC110 - they are asked for in threads
            await asyncio.sleep(0.005)


@pytest.fixture
def runs() -> Runs:
    return Runs()


@pytest.fixture
def poller(database: Database, runs: Runs) -> Poller:
    return Poller(database, runs.query, interval=0.005)


async def asked_again(runs: Runs) -> int:
    """How often the database is asked in a time in which a poller would ask it many times."""
    before = len(runs.asked)
    await asyncio.sleep(0.1)
    return len(runs.asked) - before


async def test_all_readers_share_one_query(poller: Poller, runs: Runs) -> None:
    runs.states = {"run-a": RUNNING, "run-b": RUNNING}
    readers = [asyncio.create_task(poller.next(name, 0)) for name in ("run-a", "run-a", "run-b")]
    await runs.are_asked_for("run-a", "run-b")
    runs.states["run-a"] = runs.states["run-b"] = OVER
    assert [(await reader).state for reader in readers] == [OVER] * 3
    await asked_again(runs)
    assert await asked_again(runs) == 0, "nobody reads any more"


async def test_a_reader_that_goes_away_is_forgotten(poller: Poller, runs: Runs) -> None:
    runs.states = {"run-a": RUNNING}
    reader = asyncio.create_task(poller.next("run-a", 0))
    await runs.are_asked_for("run-a")
    reader.cancel()
    with suppress(asyncio.CancelledError):
        await reader
    await asked_again(runs)
    assert await asked_again(runs) == 0


async def test_a_run_that_is_not_there_ends_the_wait(poller: Poller, runs: Runs) -> None:
    with pytest.raises(NotFoundError):
        await poller.next("run-none", 0)
    with pytest.raises(NotFoundError):
        await poller.look("run-none", 0)


async def test_readers_are_told_that_the_server_stops(poller: Poller, runs: Runs) -> None:
    runs.states = {"run-a": RUNNING}
    reader = asyncio.create_task(poller.next("run-a", 0))
    await runs.are_asked_for("run-a")
    await poller.stop()
    with pytest.raises(UnavailableError, match="another process continues the run"):
        await reader
    await asked_again(runs)
    assert await asked_again(runs) == 0


async def test_a_run_that_can_not_be_read_is_no_other_readers_trouble(poller: Poller, runs: Runs) -> None:
    """One damaged row ended the following of all runs: every reader waited for ever."""
    runs.states = {"run-a": RUNNING}
    readers = [asyncio.create_task(poller.next(name, 0)) for name in ("run-damaged", "run-a")]
    with pytest.raises(LettaError, match=UNKNOWN):
        await readers[0]
    runs.states["run-a"] = OVER
    assert (await readers[1]).state == OVER
