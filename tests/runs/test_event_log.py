"""The log of a run within its process: readers at any place, fast or slow, see all of it once."""

import asyncio

from letta.messages.schemas import UsageStatistics
from letta.runs.event_log import EventLog
from letta.turn.events import PartDelta, StepCommitted, TurnEnded, TurnEvent, TurnFailed
from letta.turn.failures import TurnInterruptedError

END = TurnEnded("end_turn", UsageStatistics())


def piece(text: str, message_id: str = "message-1") -> PartDelta:
    return PartDelta({"message_type": "assistant_message", "id": message_id, "otid": "o", "content": text})


def text_of(events: list[TurnEvent]) -> str:
    return "".join(event.wire["content"] for event in events if isinstance(event, PartDelta))


def filled(*texts: str) -> EventLog:
    log = EventLog()
    for text in texts:
        log.append(piece(text))
    return log


async def test_a_reader_gets_each_piece_as_it_comes() -> None:
    log = EventLog()
    reader = log.read()
    for text in ("one ", "two "):
        reading = asyncio.ensure_future(anext(reader))
        await asyncio.sleep(0)
        log.append(piece(text))
        assert text_of([await reading]) == text
    log.append(END)
    log.close()
    assert [event async for event in reader] == [END]


async def test_pieces_become_one_when_something_follows() -> None:
    log = filled("one ", "two ", "three")
    assert len(log.after(0)) == 3
    log.append(END)
    first, _ = log.after(0)
    assert (first.first, first.last) == (1, 3)
    assert text_of([first.event]) == "one two three"


async def test_a_slow_reader_goes_on_amid_pieces_that_were_joined_meanwhile() -> None:
    log, seen = filled("one ", "two ", "three"), list[TurnEvent]()
    async for entry in log.entries():
        seen.append(entry.event)
        if len(seen) == 1:
            log.append(StepCommitted([], streamed=True))
            log.append(END)
            log.close()
    assert text_of(seen) == "one two three"
    assert seen[-1] is END


async def test_reading_on_after_any_number() -> None:
    log = filled("a", "b", "c", "d")
    log.append(END)
    log.close()
    for number in range(5):
        assert text_of([entry.event for entry in log.after(number)]) == "abcd"[number:]
    assert [entry.last for entry in log.after(4)] == [5]
    assert log.after(5) == []


async def test_a_long_message_becomes_several_of_bounded_length() -> None:
    texts = [letter * 30_000 for letter in "abcde"]
    log = filled(*texts)
    log.append(END)
    joined = [entry for entry in log.after(0) if isinstance(entry.event, PartDelta)]
    assert [(entry.first, entry.last) for entry in joined] == [(1, 2), (3, 4), (5, 5)]
    assert text_of([entry.event for entry in joined]) == "".join(texts)
    for number in range(5):
        assert text_of([entry.event for entry in log.after(number)]) == "".join(texts[number:])


async def test_parts_of_different_messages_are_not_joined() -> None:
    log = EventLog()
    for event in (piece("a"), piece("b", "message-2"), piece("c", "message-2"), END):
        log.append(event)
    assert [(entry.first, entry.last) for entry in log.after(0)] == [(1, 1), (2, 3), (4, 4)]


async def test_events_that_are_not_shown_take_up_no_number() -> None:
    log = EventLog(lambda event: 0 if isinstance(event, PartDelta) else 2, start=2)
    log.append(piece("a"))
    log.append(END)
    assert [(entry.first, entry.last) for entry in log.after(0)] == [(2, 3)]


async def test_an_interruption_is_told_but_is_no_part_of_the_log() -> None:
    log = filled("a")
    interruption = TurnFailed(TurnInterruptedError("d"), UsageStatistics())
    log.close(interruption)
    seen = [event async for event in log.read()]
    assert seen[-1] is interruption
    assert log.last == 1


async def test_much_text_is_urgent_before_the_message_is_whole() -> None:
    log = EventLog()
    log.append(piece("short"))
    assert not log.urgent.is_set()
    log.append(piece("x" * 70_000))
    assert log.urgent.is_set()
