"""What has to be true between faults, whatever happened."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.crash.talker import Talker
from tests.crash.world import LEASE_SECONDS, World

Json = dict[str, Any]
_MARGIN_SECONDS = 10


INVARIANTS = {
    "agents that answer": "no agent is wedged: its next turn works, in every conversation",
    "messages": "every acknowledged message is there exactly once, in order, with exactly one answer",
    "conversations": "every acknowledged conversation is there",
    "blocks": "the value of each block equals the last acknowledged edit",
    "system messages": "what an agent is shown of its blocks, in every conversation, is what is stored",
    "lines of the shared block": "no agent's edit of a shared block was overwritten by another one, or made twice",
    "passages": "every acknowledged passage of archival memory is there exactly once, in order",
    "calls of outside tools": "no tool with effects elsewhere was run twice",
    "streams read again": "the log of a background run gives the whole answer exactly once, with growing numbers",
    "runs": "no run stays open past its lease, and no conversation stays held by one that has ended",
    "otids": "no request that was sent again is stored twice",
    "requests to the model": "the sequence of messages is always one that a provider accepts",
    "connections": "no transaction and no lock of a session is left behind",
}
"""What is looked at after every fault, by the name under which it is counted."""


def violations(world: World, talkers: Sequence[Talker], checked: Counter[str]) -> Iterator[str]:
    """All that isn't as it has to be, one sentence each; counts what was looked at."""
    with ThreadPoolExecutor(len(talkers)) as pool:
        for found, looked_at in pool.map(_of_one, talkers):
            checked.update(looked_at)
            yield from found
    yield from _shared(talkers, checked)
    yield from _effects(world, talkers, checked)
    yield from _runs(world, checked)
    yield from _otids(world, checked)
    yield from _requests(world, checked)
    yield from _connections(world, checked)


def _of_one(talker: Talker) -> tuple[list[str], Counter[str]]:
    """What is wrong with one agent, and what was looked at."""
    checked: Counter[str] = Counter()
    talker.check_alive()
    checked["agents that answer"] += 1
    found = [f"{talker.name}: {complaint}" for complaint in talker.complaints]
    talker.complaints.clear()
    for conversation in talker.said:
        found += _messages(talker, conversation, checked)
    for look in (_conversations, _blocks, _system_messages, _passages, _streams):
        found += look(talker, checked)
    return found, checked


def _messages(talker: Talker, conversation: str | None, checked: Counter[str]) -> Iterator[str]:
    """Every acknowledged message is there once and in order, with one answer."""
    history = talker.history(conversation)
    where = f"{talker.name}, {conversation or 'default conversation'}"
    stored = [str(m["content"]) for m in history if m["message_type"] == "user_message"]
    promised = talker.said[conversation]
    checked["messages"] += len(promised)
    if stored != promised:
        lost, extra = Counter(promised) - Counter(stored), Counter(stored) - Counter(promised)
        yield f"{where}: lost {dict(lost)}, doubled or never acknowledged {dict(extra)}, or out of order"
    answers = Counter(str(m["content"]) for m in history if m["message_type"] == "assistant_message")
    doubled = [text for text, count in answers.items() if count > 1]
    if doubled:
        yield f"{where}: answered more than once: {doubled}"
    if len(answers) != len(stored):
        yield f"{where}: {len(stored)} messages have {len(answers)} answers"


def _blocks(talker: Talker, checked: Counter[str]) -> Iterator[str]:
    for label, value in talker.blocks.items():
        checked["blocks"] += 1
        if (found := talker.value(label)) != value:
            yield f"{talker.name}: block {label} is {found!r}, the last acknowledged edit was {value!r}"


def _system_messages(talker: Talker, checked: Counter[str]) -> Iterator[str]:
    """Each conversation has just had a turn, which began by looking for changes."""
    values = {label: talker.value(label) for label in (*talker.blocks, "shared")}
    for conversation in talker.said:
        checked["system messages"] += 1
        opening = next(str(m["content"]) for m in talker.history(conversation) if m["message_type"] == "system_message")
        for label, value in values.items():
            if f"<value>\n{value}\n</value>\n</{label}>" not in opening:
                yield f"{talker.name}, {conversation or 'default conversation'}: block {label} isn't shown as {value!r}"


def _conversations(talker: Talker, checked: Counter[str]) -> Iterator[str]:
    promised = {conversation for conversation in talker.said if conversation}
    checked["conversations"] += len(promised)
    if lost := promised - talker.conversations():
        yield f"{talker.name}: lost the conversations {lost}"


def _passages(talker: Talker, checked: Counter[str]) -> Iterator[str]:
    checked["passages"] += len(talker.passages)
    if (stored := talker.remembered()) != talker.passages:
        lost, extra = Counter(talker.passages) - Counter(stored), Counter(stored) - Counter(talker.passages)
        yield f"{talker.name}: lost passages {dict(lost)}, doubled or never acknowledged {dict(extra)}, or out of order"


def _streams(talker: Talker, checked: Counter[str]) -> Iterator[str]:
    for run_id, answer in talker.streams.items():
        checked["streams read again"] += 1
        read = talker.read_again(run_id)
        said = "".join(str(m["content"]) for m in read if m["message_type"] == "assistant_message")
        numbers = [m["seq_id"] for m in read if m.get("seq_id") is not None]
        if said != answer or numbers != sorted(set(numbers)):
            yield f"{talker.name}: the log of {run_id} says {said!r} instead of {answer!r}, numbers {numbers}"
    talker.streams.clear()


def _effects(world: World, talkers: Sequence[Talker], checked: Counter[str]) -> Iterator[str]:
    checked["calls of outside tools"] += sum(len(talker.fetched) for talker in talkers)
    if twice := world.page.twice():
        yield f"fetched more than once: {twice}"


def _shared(talkers: Sequence[Talker], checked: Counter[str]) -> Iterator[str]:
    """No agent's line was overwritten by another one, and none is there twice."""
    promised = Counter(line for talker in talkers for line in talker.shared)
    stored = Counter(line for line in talkers[0].value("shared").split("\n") if line)
    checked["lines of the shared block"] += len(promised)
    if stored != promised:
        yield f"shared block: lost {dict(promised - stored)}, too many {dict(stored - promised)}"


def _runs(world: World, checked: Counter[str]) -> Iterator[str]:
    """No run stays open past its lease."""
    give_up = time.monotonic() + LEASE_SECONDS + _MARGIN_SECONDS
    while True:
        with world.database() as cursor:
            cursor.execute("SELECT id, status FROM runs WHERE status IN ('created', 'running')")
            open_runs = cursor.fetchall()
            cursor.execute("SELECT count(*) FROM runs")
            (checked["runs"],) = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM conversations WHERE active_run_id IS NOT NULL")
            (held,) = cursor.fetchone()
        if not open_runs and not held:
            return
        if time.monotonic() > give_up:
            yield f"runs are still open: {open_runs}, and {held} conversations held"
            return
        time.sleep(0.2)


def _otids(world: World, checked: Counter[str]) -> Iterator[str]:
    """A message that was sent again is the one that was stored already."""
    with world.database() as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT (conversation_id, otid)) FROM messages "
            "WHERE role IN ('user', 'approval') AND otid IS NOT NULL"
        )
        stored, different = cursor.fetchone()
    checked["otids"] += stored
    if stored != different:
        yield f"{stored} messages have {different} different otids"


def _requests(world: World, checked: Counter[str]) -> Iterator[str]:
    """Every request that a model was sent is one that a provider accepts."""
    looked_at, world.requests_checked_at = world.requests_checked_at, time.time()
    for request in world.model.requests(path="/chat/completions"):
        if request.at < looked_at:
            continue
        checked["requests to the model"] += 1
        problem = refusal(request.body["messages"])
        if problem:
            yield f"a request that a provider refuses: {problem}"


def _connections(world: World, checked: Counter[str]) -> Iterator[str]:
    """Nobody is at work: what is open or locked now was forgotten."""
    give_up = time.monotonic() + LEASE_SECONDS + _MARGIN_SECONDS
    while True:
        with world.database() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'")
            (idle,) = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")
            (locks,) = cursor.fetchone()
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
            checked["connections"] += cursor.fetchone()[0]
        if not idle and not locks:
            return
        if time.monotonic() > give_up:
            yield f"{idle} transactions are open, {locks} advisory locks held"
            return
        time.sleep(0.2)


def refusal(messages: Sequence[Json]) -> str | None:
    """Why a provider would refuse these messages: calls and their results have to be next to each other."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return f"result {message['tool_call_id']} without a call"
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return f"calls {waiting} without results"
        waiting = [call["id"] for call in message.get("tool_calls") or ()]
    return f"calls {waiting} without results" if waiting else None
