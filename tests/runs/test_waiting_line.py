"""Waiting for a busy conversation: in order, for a bounded time, not too many."""

import asyncio

import pytest

from letta.errors import BusyError, UnavailableError
from letta.runs.waiting_line import WaitingLine


class Conversation:
    """Busy until it is told otherwise."""

    def __init__(self) -> None:
        self.free = asyncio.Event()
        self.served: list[str] = []

    async def serve(self, name: str) -> str:
        if not self.free.is_set():
            raise BusyError("run-1", 1)
        self.served.append(name)
        return name

    async def until_ended(self, run_id: str | None, seconds: float) -> None:
        assert run_id == "run-1"
        try:
            await asyncio.wait_for(self.free.wait(), seconds)
        except TimeoutError:
            return


def wait(line: WaitingLine, conversation: Conversation, name: str, key: str = "a") -> "asyncio.Task[str]":
    return asyncio.create_task(line.wait(key, lambda: conversation.serve(name), conversation.until_ended))


async def test_requests_are_served_in_the_order_in_which_they_came() -> None:
    line, conversation = WaitingLine(5), Conversation()
    waiting = []
    for name in ("first", "second", "third"):
        waiting.append(wait(line, conversation, name))
        await asyncio.sleep(0)
    conversation.free.set()
    await asyncio.gather(*waiting)
    assert conversation.served == ["first", "second", "third"]


async def test_a_line_does_not_hold_up_another_one() -> None:
    line, busy, free = WaitingLine(5), Conversation(), Conversation()
    free.free.set()
    waiting = wait(line, busy, "waits")
    await asyncio.sleep(0)
    assert await wait(line, free, "goes", key="b") == "goes"
    busy.free.set()
    await waiting


async def test_nobody_waits_longer_than_the_limit() -> None:
    line, conversation = WaitingLine(0.05), Conversation()
    results = await asyncio.gather(*(wait(line, conversation, str(i)) for i in range(3)), return_exceptions=True)
    assert [type(result) for result in results] == [BusyError] * 3
    conversation.free.set()
    assert await wait(line, conversation, "later") == "later"


async def test_too_many_are_sent_away_at_once() -> None:
    line, conversation = WaitingLine(5), Conversation()
    waiting = [wait(line, conversation, str(i)) for i in range(32)]
    await asyncio.sleep(0)
    with pytest.raises(UnavailableError, match="32 requests are already waiting"):
        await wait(line, conversation, "one too many")
    conversation.free.set()
    await asyncio.gather(*waiting)


async def test_all_are_sent_away_when_the_server_stops() -> None:
    line, conversation = WaitingLine(5), Conversation()
    waiting = [wait(line, conversation, str(i)) for i in range(2)]
    await asyncio.sleep(0)
    line.close()
    conversation.free.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, UnavailableError) for result in results)
