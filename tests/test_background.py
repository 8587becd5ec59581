"""Work in the background: woken, repeated, going on after failures, ended."""

import asyncio
import logging
from collections.abc import Callable, Iterator

import pytest

from letta.background import Task, Worker, growing_pause
from letta.errors import UnavailableError

LONG = 3600.0


class Counting(Worker):
    """Does what it is told at each look."""

    def __init__(self, looks: Iterator[Callable[[], float | None]], *, after_failure: float = 0.0) -> None:
        super().__init__("counting", after_failure=after_failure)
        self._looks = looks
        self.looked = 0
        self._changed = asyncio.Condition()

    async def look(self) -> float | None:
        async with self._changed:
            self.looked += 1
            self._changed.notify_all()
        return next(self._looks)()

    async def has_looked(self, times: int) -> None:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.looked >= times), 30)


def sleep(seconds: float | None) -> Callable[[], float | None]:
    return lambda: seconds


def fail(error: Exception) -> Callable[[], float | None]:
    def look() -> float | None:
        raise error

    return look


async def test_it_looks_at_once_again_after_its_pause_and_when_it_is_woken() -> None:
    worker = Counting(iter([sleep(0.0), sleep(LONG), sleep(None), sleep(None)]))
    worker.start()
    await worker.has_looked(2)
    worker.wake()
    await worker.has_looked(3)
    worker.wake()
    await worker.has_looked(4)
    await worker.stop()


async def test_what_comes_while_it_looks_is_not_missed() -> None:
    def look() -> float | None:
        worker.wake()
        return None

    worker = Counting(iter([look, sleep(None)]))
    worker.start()
    await worker.has_looked(2)
    await worker.stop()


async def test_it_goes_on_after_failures_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    away, broken = fail(UnavailableError("The database is away.")), fail(ValueError("unforeseen"))
    worker = Counting(iter([away, broken, sleep(None)]))
    with caplog.at_level(logging.WARNING, "letta"):
        worker.start()
        await worker.has_looked(3)
        await worker.stop()
    levels = [(record.levelno, record.exc_info is not None) for record in caplog.records]
    assert levels == [(logging.WARNING, False), (logging.ERROR, True)]
    assert all("counting" in record.getMessage() for record in caplog.records)


def test_pauses_after_failures_grow_up_to_the_longest() -> None:
    assert [growing_pause(5, 60, failures) for failures in range(1, 7)] == [5, 10, 20, 40, 60, 60]
    assert growing_pause(5, 60, 10_000) == 60


async def test_nothing_is_done_once_it_is_stopped() -> None:
    worker = Counting(iter([sleep(LONG)]))
    await worker.stop()
    worker.start()
    await worker.has_looked(1)
    await worker.stop()
    worker.wake()
    await asyncio.sleep(0)
    assert worker.looked == 1


async def test_a_task_runs_once_at_a_time_and_again_when_it_has_ended() -> None:
    begun: list[asyncio.Event] = []

    async def work() -> None:
        begun.append(asyncio.Event())
        await begun[-1].wait()

    task = Task(work)
    await task.finish()
    assert not task.is_running
    for number in (1, 2):
        task.ensure()
        task.ensure()
        await asyncio.sleep(0)
        assert (task.is_running, len(begun)) == (True, number)
        begun[-1].set()
        await task.finish()
        assert not task.is_running
    task.ensure()
    await asyncio.sleep(0)
    await task.stop()
    assert not task.is_running
