"""Telling webhooks: at least once each, by whichever process comes to it first, until it is received or given up."""

import asyncio
import json
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from letta.background import Task
from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.json_types import JsonObject
from letta.outgoing.attempts import post
from letta.webhooks import delivery_repository
from letta.webhooks.delivery_repository import ClaimedDelivery
from letta.webhooks.signing import signed_headers

logger = logging.getLogger(__name__)

PAUSES = (5, 30, 120, 600, 1800, 7200, 18000, 36000)
"""Seconds after each attempt that failed; after the last one, about 18 hours after the first, it is given up."""
_MOST_AT_ONCE = 50
_MOST_OF_ONE = 10
"""An organization that so many are under way of waits, so that its slow receivers hold up nobody else's."""
_AT_A_TIME = 5
"""So many are claimed before it is looked again who has to wait."""
_SECONDS_AT_THE_END = 5
_MOST_BYTES_SAID = 256 * 1024
_GONE = 410


class WebhookDeliveries:
    """Attempts what is due when it is woken, and again as long as something is due soon."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._attempting = Task(self._attempt_due)
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._again = False
        self._held_back = False
        self._timers: list[asyncio.TimerHandle] = []
        self._closed = False

    def wake(self) -> None:
        """Attempt soon what is due."""
        if self._closed:
            return
        self._again = True
        self._attempting.ensure()

    async def finish(self) -> None:
        """Wait a little for what is under way; what isn't received then is left to another process."""
        self._closed = True
        for timer in self._timers:
            timer.cancel()
        deadline = time.monotonic() + _SECONDS_AT_THE_END
        await self._attempting.finish(_SECONDS_AT_THE_END)
        if under_way := set(self._under_way):
            await asyncio.wait(under_way, timeout=max(0.0, deadline - time.monotonic()))
        for task in under_way:
            task.cancel()
        await self._attempting.stop()

    async def attempt(self, claimed: ClaimedDelivery, *, last: bool = False) -> None:
        """Attempt one delivery and note what came of it. After the last attempt there is none more."""
        body = _body(claimed)
        headers = signed_headers(claimed.delivery.id, body, claimed.secrets)
        made = await post(claimed.url, content=body, headers=headers)
        if made.problem is None:
            await self._database.run(delivery_repository.note_received, claimed.delivery.id, made.status)
            return
        gone = made.status == _GONE
        pause = None if gone or last else _pause(claimed.delivery.attempts)
        await self._database.run(
            delivery_repository.note_failure, claimed.delivery, made.status, made.problem, pause, gone=gone
        )
        if pause is not None:
            self._wake_in(pause)

    async def _attempt_due(self) -> None:
        with _told_to_the_log():
            while self._again and not self._closed:
                self._again = False
                limit = min(_AT_A_TIME, _MOST_AT_ONCE - len(self._under_way))
                full = [each for each, count in Counter(self._under_way.values()).items() if count >= _MOST_OF_ONE]
                self._held_back = not limit or bool(full)
                if limit:
                    claimed = await self._database.run(delivery_repository.claim_due, limit, full)
                    self._again |= len(claimed) == limit
                    self._begin(claimed)

    def _begin(self, claimed: list[ClaimedDelivery]) -> None:
        for each in claimed:
            task = asyncio.create_task(self._attempt(each))
            self._under_way[task] = each.organization_id
            task.add_done_callback(self._ended)

    async def _attempt(self, claimed: ClaimedDelivery) -> None:
        with _told_to_the_log():
            await self.attempt(claimed)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        if self._held_back:
            self.wake()

    def _wake_in(self, seconds: float) -> None:
        """Pauses that are longer than the sweeper's are left to it."""
        if seconds <= PAUSES[1] and not self._closed:
            self._timers = [timer for timer in self._timers if timer.when() > asyncio.get_running_loop().time()]
            self._timers.append(asyncio.get_running_loop().call_later(seconds + 0.1, self.wake))


@contextmanager
def _told_to_the_log() -> Iterator[None]:
    try:
        yield
    except UnavailableError as failure:
        logger.warning("webhooks are delayed until the database is available: %s", failure.detail)
    except Exception:
        logger.exception("webhooks could not be delivered")


def _pause(attempts: int) -> float | None:
    return PAUSES[attempts - 1] if attempts <= len(PAUSES) else None


def _body(claimed: ClaimedDelivery) -> bytes:
    payload = claimed.delivery.payload
    if claimed.said is not None:
        payload = payload | {"data": payload["data"] | _said(claimed.said)}
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def _said(messages: list[JsonObject]) -> JsonObject:
    if len(json.dumps(messages)) > _MOST_BYTES_SAID:
        return {"messages": None, "messages_too_large": True}
    return {"messages": messages}
