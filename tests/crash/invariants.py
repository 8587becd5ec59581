"""What has to be true between faults, whatever happened."""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from tests.crash.talker import Talker
from tests.crash.world import LEASE_SECONDS, World

Json = dict[str, Any]
_MARGIN_SECONDS = 10


def violations(world: World, talkers: Sequence[Talker], checked: Counter[str]) -> Iterator[str]:
    """All that isn't as it has to be, one sentence each; counts what was looked at."""
    for talker in talkers:
        talker.check_alive()
        checked["agents that answer"] += 1
        for complaint in talker.complaints:
            yield f"{talker.name}: {complaint}"
        talker.complaints.clear()
        for conversation in talker.said:
            yield from _messages(talker, conversation, checked)
        yield from _blocks(talker, checked)
    yield from _shared(talkers, checked)
    yield from _runs(world, checked)
    yield from _requests(world, checked)


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
        if not open_runs:
            return
        if time.monotonic() > give_up:
            yield f"runs are still open: {open_runs}"
            return
        time.sleep(0.2)


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
