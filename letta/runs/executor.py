"""Carrying out runs in this process, independent of the connections that started them."""

import asyncio
import logging
import os
import socket
import uuid
from collections.abc import AsyncIterator

from letta.database.engine import Database
from letta.errors import UnavailableError
from letta.organizations.actor import Actor
from letta.runs import repository
from letta.runs.event_log import EventLog
from letta.runs.replay import follow
from letta.runs.request import RunRequest
from letta.turn.begin import Claim, begin_turn
from letta.turn.cancellation import Cancellation, TurnHandedOverError
from letta.turn.commit import LeaseLostError
from letta.turn.events import TurnEvent, TurnFailed
from letta.turn.loop import TurnRunner
from letta.turn.models import ModelSource
from letta.turn.turn import Turn

logger = logging.getLogger(__name__)

_RENEWALS_PER_LEASE = 4
_SWEEP_SECONDS = 60


class ActiveRun:
    """A run that this process carries out."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.log = EventLog()
        self.cancellation = Cancellation()
        self.task: asyncio.Task[None] | None = None


class RunView:
    """What the starter of a run gets: its id, and its events from the first one on."""

    def __init__(self, run_id: str, agent_type: str, events: AsyncIterator[TurnEvent]) -> None:
        self.run_id = run_id
        self.agent_type = agent_type
        self.events = events


class RunExecutor:
    """Starts runs, keeps their leases alive and ends them when the process does."""

    def __init__(
        self,
        database: Database,
        models: ModelSource,
        *,
        lease_seconds: float,
        max_runs: int,
        instance: str | None = None,
    ) -> None:
        self._database = database
        self._models = models
        self._lease_seconds = lease_seconds
        self._max_runs = max_runs
        self._active: dict[str, ActiveRun] = {}
        self._renewal: asyncio.Task[None] | None = None
        self._sweep: asyncio.Task[None] | None = None
        self._stopping = False
        self.owner = f"{instance or socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"

    async def start(self, actor: Actor, request: RunRequest) -> RunView:
        """Begin a run, or join the one that the same request has begun before.

        Raises:
            UnavailableError: the process is full or shutting down.
            BusyError: another run holds the conversation.
            NotFoundError, InvalidArgumentError: the request doesn't fit what is stored.
        """
        if self._stopping or len(self._active) >= self._max_runs:
            why = "is shutting down" if self._stopping else "carries out as many runs as it can"
            raise UnavailableError(f"The server {why}. Try again in a few seconds.")
        claim = Claim(self.owner, self._lease_seconds)
        begun = await self._database.run(begin_turn, actor, request, claim)
        if not isinstance(begun, Turn):
            return await self.attach(actor, begun.id)
        active = ActiveRun(begun)
        self._active[begun.run_id] = active
        active.task = asyncio.create_task(self._carry_out(active), name=begun.run_id)
        if self._renewal is None:
            self._renewal = asyncio.create_task(self._renew_leases())
        return RunView(begun.run_id, begun.agent.agent_type, active.log.read())

    async def attach(self, actor: Actor, run_id: str) -> RunView:
        """The events of a run from its first one on, wherever it is carried out, live or from what is stored."""
        active = self._active.get(run_id)
        if active is not None:
            return RunView(run_id, active.turn.agent.agent_type, active.log.read())
        agent_type = await self._database.read(repository.agent_type_of_run, actor, run_id)
        return RunView(run_id, agent_type, follow(self._database, actor, run_id))

    async def cancel(self, actor: Actor, run_ids: list[str]) -> dict[str, str]:
        """Cancel runs, wherever they are carried out. Tells for each whether it was active."""
        found = await self._database.run(repository.request_cancel, actor, run_ids)
        for run_id in found & self._active.keys():
            self._active[run_id].cancellation.cancel()
        return {run_id: "cancelled" if run_id in found else "failed" for run_id in run_ids}

    def start_sweeping(self) -> None:
        """Look for runs that other processes left behind, now and then."""
        self._sweep = asyncio.create_task(self._sweep_expired())

    async def stop(self, grace_seconds: float) -> None:
        """Take no new runs, let the current ones end, and hand over those that don't within the time given."""
        self._stopping = True
        tasks = [active.task for active in self._active.values() if active.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_seconds)
        for active in self._active.values():
            active.cancellation.hand_over()
        unfinished = [task for task in tasks if not task.done()]
        if unfinished:
            await asyncio.wait(unfinished, timeout=5)
        for background in (self._renewal, self._sweep):
            if background is not None:
                background.cancel()
        if unfinished:
            await self._database.run(repository.release_leases, self.owner)

    async def _carry_out(self, active: ActiveRun) -> None:
        turn = active.turn
        runner = TurnRunner(turn, self._database, self._models, active.cancellation)
        try:
            async for event in runner.run():
                active.log.append(event)
        except LeaseLostError:
            logger.warning("run %s was taken over by another process", turn.run_id)
            active.log.append(_interrupted(turn, "The run was taken over by another process."))
        except TurnHandedOverError:
            logger.warning("run %s was interrupted by the shutdown of this process", turn.run_id)
            active.log.append(_interrupted(turn, "The server is shutting down; the run was interrupted."))
        except UnavailableError as error:
            active.log.append(_interrupted(turn, error.detail))
        except Exception:
            logger.exception("run %s broke down", turn.run_id)
            active.log.append(_interrupted(turn, "An unknown error occurred. The server's log tells more."))
            await self._abandon(turn)
        finally:
            active.log.close()
            del self._active[turn.run_id]

    async def _abandon(self, turn: Turn) -> None:
        await self._database.run(repository.end_broken_run, turn, "An unknown error occurred.")

    async def _renew_leases(self) -> None:
        while True:
            await asyncio.sleep(self._lease_seconds / _RENEWALS_PER_LEASE)
            if not self._active:
                continue
            try:
                held = await self._database.run(repository.renew_leases, self.owner, self._lease_seconds)
            except UnavailableError as error:
                logger.warning("leases could not be renewed: %s", error.detail)
                continue
            for run_id, cancel in held.items():
                if cancel and run_id in self._active:
                    self._active[run_id].cancellation.cancel()

    async def _sweep_expired(self) -> None:
        while True:
            try:
                count = await self._database.run(repository.abandon_expired_runs)
                if count:
                    logger.warning("%d runs of vanished processes were ended", count)
            except UnavailableError as error:
                logger.warning("expired runs could not be looked for: %s", error.detail)
            await asyncio.sleep(_SWEEP_SECONDS)


def _interrupted(turn: Turn, detail: str) -> TurnFailed:
    return TurnFailed(
        stop_reason="error",
        error_type="internal_error",
        message="The turn was interrupted.",
        detail=detail,
        status=503,
        body={"detail": f"{detail} Send the request again."},
        usage=turn.usage,
        retry_after=2,
    )
