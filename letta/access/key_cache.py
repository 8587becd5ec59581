"""Who a key stands for. What the database says of it counts for some seconds."""

import asyncio
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from letta.access import repository
from letta.access.key import StoredKey
from letta.access.tokens import digest
from letta.database.engine import Database
from letta.errors import UnavailableError

logger = logging.getLogger(__name__)

SECONDS = 5.0
"""How long a key that was revoked by another instance may still be taken here."""
_MOST = 10_000
_SECONDS_AT_THE_END = 2.0
_COARSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class _Known:
    key: StoredKey | None
    until: float


class KeyCache:
    """The keys that were shown lately, and what they are."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._forgotten = 0
        self._noted: dict[str, datetime] = {}
        self._notes: set[asyncio.Task[None]] = set()

    async def find(self, token: str) -> StoredKey | None:
        """The key that was shown, with at most one query; None for one that isn't there, or was revoked.

        It may have expired.

        Raises:
            UnavailableError: the database can't be asked.
        """
        hashed = digest(token)
        known = self._known.get(hashed)
        if known is None or known.until < time.monotonic():
            before = self._forgotten
            found = await self._database.read(repository.find_key, hashed)
            known = _Known(found, time.monotonic() + SECONDS)
            if self._forgotten == before:  # else it may have been revoked since it was read
                self._remember(hashed, known)
        if known.key is not None:
            self._note_use(known.key)
        return known.key

    def forget(self, hashed: str) -> None:
        """A key was revoked here: it is void at once."""
        self._forgotten += 1
        self._known.pop(hashed, None)

    def forget_owner(self, owner_id: str) -> None:
        """A user, or an organization, was deleted or changed here: its keys are looked up anew."""
        self._forgotten += 1
        owned = [
            hashed
            for hashed, known in self._known.items()
            if known.key is not None and owner_id in {known.key.user_id, known.key.organization_id}
        ]
        for hashed in owned:
            del self._known[hashed]

    async def stop(self) -> None:
        """Wait for uses that are being noted."""
        if self._notes:
            await asyncio.wait(self._notes, timeout=_SECONDS_AT_THE_END)

    def _remember(self, hashed: str, known: _Known) -> None:
        self._known[hashed] = known
        self._known.move_to_end(hashed)
        if len(self._known) > _MOST:
            self._known.popitem(last=False)

    def _note_use(self, key: StoredKey) -> None:
        """Have it written that the key was used, every few minutes at most, and not while anybody waits."""
        now = datetime.now(UTC)
        last = self._noted.get(key.id, key.last_used_at)
        if last is not None and now - last < _COARSE:
            return
        if len(self._noted) >= _MOST:
            self._noted.clear()
        self._noted[key.id] = now
        task = asyncio.create_task(self._write_use(key.id, now))
        self._notes.add(task)
        task.add_done_callback(self._notes.discard)

    async def _write_use(self, key_id: str, now: datetime) -> None:
        try:
            await self._database.run(repository.note_use, key_id, now)
        except UnavailableError as error:
            logger.warning("could not record when key %s was last used: %s", key_id, error.detail)
