"""Keeping the leases of this process's runs alive."""

import asyncio
from collections.abc import Mapping

from letta.background import Task, tell
from letta.database.engine import Database
from letta.runs import lease_repository
from letta.runs.active import ActiveRun

_RENEWALS_PER_LEASE = 4


class LeaseKeeper:
    """Renews the leases of all active runs with one statement, and takes note of those that are to be cancelled."""

    def __init__(self, database: Database, owner: str, lease_seconds: float, active: Mapping[str, ActiveRun]) -> None:
        self._database = database
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._active = active
        self._renewing = Task(self._renew)

    def start(self) -> None:
        """Renew as long as there are runs."""
        self._renewing.ensure()

    async def stop(self) -> None:
        """Renew no more."""
        await self._renewing.stop()

    async def _renew(self) -> None:
        await asyncio.sleep(self._lease_seconds / _RENEWALS_PER_LEASE)
        while self._active:
            asked = list(self._active)
            try:
                held = await self._database.run(lease_repository.renew_leases, self._owner, asked, self._lease_seconds)
                self._take_note(asked, held)
            except Exception as error:
                tell("renewing leases", error)
            await asyncio.sleep(self._lease_seconds / _RENEWALS_PER_LEASE)

    def _take_note(self, asked: list[str], held: dict[str, bool]) -> None:
        for run_id in asked:
            active = self._active.get(run_id)
            if active is None:
                continue
            if run_id not in held:
                active.cancellation.hand_over()  # nothing that it did from now on could be stored
            elif held[run_id]:
                active.cancellation.cancel()
