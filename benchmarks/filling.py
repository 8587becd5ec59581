"""Gives an agent a past: messages in its own conversation, of which the newest are in its context.

    python -m benchmarks.filling AGENT_ID MESSAGES [--in-context 100]

The database is that of LETTA_PG_URI and LETTA_PG_SCHEMA, which a server must have set up. What is stored is what turns
would have stored, but that it belongs to no runs.
"""

import argparse
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from letta.conversations.repository import lock_default
from letta.database.base import SCHEMA
from letta.database.dsn import parse_dsn
from letta.database.engine import Database
from letta.messages.message import Message, text_content
from letta.messages.repository import append_to_context, insert_messages
from letta.organizations.actor import DEFAULT_ACTOR

_BATCH = 2000
_SUBJECTS = ("tea", "the garden", "a journey to the sea", "music", "the weather", "bread", "an old friend", "work")
_ASKED = "What did I tell you about {subject} the other day? It was number {number}, and I would like to go on."
_ANSWERED = "You told me about {subject}, number {number}: it was a long story, and you liked how it ended."


def fill(database: Database, agent_id: str, count: int, in_context: int) -> None:
    """Store so many messages."""
    conversation_id = database.run_sync(lock_default, agent_id).id
    began = datetime.now(UTC) - timedelta(seconds=count)
    kept: list[str] = []
    for batch in _batches(agent_id, conversation_id, count, began):
        database.run_sync(insert_messages, DEFAULT_ACTOR, batch)
        kept = [*kept, *(message.id for message in batch)][-in_context:] if in_context else []
    database.run_sync(append_to_context, conversation_id, kept)
    database.run_sync(_analyze)


def _batches(agent_id: str, conversation_id: str, count: int, began: datetime) -> Iterator[list[Message]]:
    for start in range(0, count, _BATCH):
        yield [
            _message(agent_id, conversation_id, number, began) for number in range(start, min(start + _BATCH, count))
        ]


def _message(agent_id: str, conversation_id: str, number: int, began: datetime) -> Message:
    asked = number % 2 == 0
    words = (_ASKED if asked else _ANSWERED).format(subject=_SUBJECTS[number // 2 % len(_SUBJECTS)], number=number)
    return Message(
        "user" if asked else "assistant",
        agent_id,
        conversation_id,
        content=text_content(words),
        created_at=began + timedelta(seconds=number),
    )


def _analyze(connection: Connection) -> None:
    """What autovacuum would do by and by."""
    connection.execute(text(f"ANALYZE {SCHEMA}.messages"))


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.filling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("agent_id")
    parser.add_argument("messages", type=int)
    parser.add_argument("--in-context", type=int, default=100)
    options = parser.parse_args()
    database = Database(parse_dsn(os.environ["LETTA_PG_URI"]))
    fill(database, options.agent_id, options.messages, options.in_context)
    database.close()


if __name__ == "__main__":
    main()
