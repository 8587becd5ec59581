"""Writing the event log of a background run over a connection that breaks."""

from collections.abc import Iterator

import pytest

from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.messages.schemas import UsageStatistics
from letta.organizations.actor import Actor
from letta.runs.event_log import EventLog
from letta.runs.event_repository import frames_of_runs
from letta.runs.frames import show_as
from letta.runs.recorder import Recorder
from letta.testing.postgres import PostgresWire
from letta.turn.events import PartDelta, TurnEnded
from letta.turn.request import RunOptions
from tests.runs.test_replay import insert_run

OPTIONS = RunOptions(max_steps=1, background=True, stream_tokens=True)


@pytest.fixture
def wire(postgres_uri: str) -> Iterator[PostgresWire]:
    with PostgresWire(postgres_uri) as opened:
        yield opened


@pytest.fixture
def wired(wire: PostgresWire) -> Iterator[Database]:
    """A database whose connections can be cut."""
    opened = Database(parse_dsn(wire.uri), pool_size=1, max_overflow=0)
    yield opened
    opened.close()


async def test_a_log_whose_commit_was_not_answered_is_told_once(
    database: Database, wire: PostgresWire, wired: Database, actor: Actor
) -> None:
    """What was stored was stored once more, and readers were told it twice."""
    run_id = await database.run(insert_run, actor)
    show = show_as(run_id, OPTIONS, "letta_v1_agent")
    log = EventLog(show.count, 2)
    recorder = Recorder(wired, log, show, 0)
    for text in ("one ", "two "):
        log.append(PartDelta({"message_type": "assistant_message", "id": "message-1", "otid": "o", "content": text}))
    log.append(TurnEnded("end_turn", UsageStatistics()))
    log.close()
    wire.cut_at("^COMMIT", "after")
    await recorder.run()
    told = (await database.read(frames_of_runs, [(run_id, 1)]))[run_id, 1].frames
    assert [(frame.first, frame.last) for frame in told] == [(2, 3), (4, 4), (5, 5)]
