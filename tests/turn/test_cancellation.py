"""The stop signal of a turn: what it interrupts, and that the turn's own task goes on afterwards."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from letta.turn.cancellation import Cancellation, TurnCancelledError, TurnHandedOverError


async def test_what_a_turn_waits_for_is_cancelled_and_the_turn_goes_on() -> None:
    cancellation, ended = Cancellation(), asyncio.Event()

    async def tool() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    asyncio.get_running_loop().call_soon(cancellation.cancel)
    with pytest.raises(TurnCancelledError):
        await cancellation.wait(tool())
    assert ended.is_set()
    await asyncio.sleep(0)  # as the turn, which has its end to store
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()
    with pytest.raises(TurnCancelledError):
        cancellation.check()


async def test_the_first_signal_counts() -> None:
    cancellation = Cancellation()
    loop = asyncio.get_running_loop()
    loop.call_soon(cancellation.hand_over)
    loop.call_soon(cancellation.cancel)
    with pytest.raises(TurnHandedOverError):
        await cancellation.wait(asyncio.sleep(60))
    await asyncio.sleep(0)


async def test_what_fails_because_it_was_cancelled_is_cancelled() -> None:
    cancellation = Cancellation()

    async def model() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            raise ConnectionError from None

    asyncio.get_running_loop().call_soon(cancellation.cancel)
    with pytest.raises(TurnCancelledError):
        await cancellation.wait(model())


async def test_a_result_that_comes_all_the_same_is_taken() -> None:
    cancellation = Cancellation()

    async def stubborn() -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return "done"
        return "never"

    asyncio.get_running_loop().call_soon(cancellation.cancel)
    assert await cancellation.wait(stubborn()) == "done"
    await asyncio.sleep(0)


async def test_a_signal_between_two_pieces_ends_the_stream_with_the_next() -> None:
    cancellation, closed, heard = Cancellation(), asyncio.Event(), list[int]()

    async def pieces() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.set()

    async def hear() -> None:
        async for piece in cancellation.guard(pieces()):
            heard.append(piece)
            cancellation.cancel()  # between two waits

    with pytest.raises(TurnCancelledError):
        await hear()
    assert closed.is_set()
    assert heard == [1]


async def test_the_end_of_the_task_itself_is_no_signal() -> None:
    cancellation = Cancellation()
    task = asyncio.create_task(cancellation.wait(asyncio.sleep(60)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
