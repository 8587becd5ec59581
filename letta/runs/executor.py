"""Carrying out runs in this process, independent of the connections that started them."""

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from functools import partial
from typing import Concatenate, ParamSpec

from sqlalchemy import Connection

from letta.archives.memory import ArchivalMemory
from letta.conversations.hold import RunLostError
from letta.database.engine import Database
from letta.errors import UNKNOWN, BusyError, GoneError, InvalidArgumentError, LettaError, UnavailableError
from letta.folders.reading import FileReader
from letta.log import run_facts
from letta.messages.images import with_images
from letta.organizations.actor import Actor
from letta.runs import event_repository, lease_repository, queue_repository
from letta.runs.active import ActiveRun
from letta.runs.beginning import begin_queued, begin_turn
from letta.runs.callbacks import Callbacks
from letta.runs.cancelling import cancel_inactive
from letta.runs.event_repository import RunHead
from letta.runs.frames import Frame, Recording, show_as
from letta.runs.leases import LeaseKeeper
from letta.runs.messenger import AgentMessenger
from letta.runs.poller import Poller
from letta.runs.queue import RunQueue
from letta.runs.recovery import Resumed, give_up_run, recover_run
from letta.runs.replay import follow, follow_log, told_before
from letta.runs.sweeper import Sweeper
from letta.runs.view import RunView
from letta.runs.waiting_line import WaitingLine
from letta.telemetry import metrics, tracing
from letta.tools.running import CustomTools
from letta.turn.begin import Claim
from letta.turn.cancellation import TurnHandedOverError
from letta.turn.commit import LeaseLostError
from letta.turn.ending import status_of
from letta.turn.events import TurnFailed
from letta.turn.failures import TurnDisplacedError, TurnInterruptedError
from letta.turn.loop import TurnRunner
from letta.turn.models import ModelSource
from letta.turn.outside_tools import Means
from letta.turn.request import RunOptions, RunRequest
from letta.turn.turn import Turn
from letta.webhooks.deliveries import WebhookDeliveries

P = ParamSpec("P")

logger = logging.getLogger(__name__)

_SECONDS_AFTER_HAND_OVER = 5
_SHARE_OF_QUEUED = 8
"""One run in so many may be one that nobody waits for."""


class RunExecutor:
    """Starts runs, keeps their leases alive, takes lost ones over, and hands them over when the process ends."""

    def __init__(
        self,
        database: Database,
        models: ModelSource,
        archival: ArchivalMemory,
        custom_tools: CustomTools,
        file_reader: FileReader,
        *,
        lease_seconds: float,
        max_runs: int,
        queue_seconds: float,
        instance: str | None = None,
    ) -> None:
        self._database = database
        self._models = models
        self._archival = archival
        self._custom_tools = custom_tools
        self._file_reader = file_reader
        self._lease_seconds = lease_seconds
        self._max_runs = max_runs
        self._active: dict[str, ActiveRun] = {}
        self._stopping: asyncio.Task[None] | None = None
        self.owner = f"{instance or socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._leases = LeaseKeeper(database, self.owner, lease_seconds, self._active)
        self._line = WaitingLine(queue_seconds)
        self._messages = Poller(database, event_repository.messages_of_runs)
        self._events = Poller(database, event_repository.frames_of_runs)
        self._callbacks = Callbacks(database)
        self.webhooks = WebhookDeliveries(database)
        self._queue = RunQueue(database, self._begin_queued, self._room_for_queued)
        self._messenger = AgentMessenger(database, partial(self.start, queue=True), self._queue)
        self._sweeper = Sweeper(
            database,
            self.owner,
            lease_seconds,
            self.recover,
            self._callbacks,
            self.webhooks.wake,
            self._queue.nudge,
            self._tell_when_due,
        )
        self._when_due: Callable[[float | None], None] | None = None

    @property
    def running(self) -> int:
        """Runs that this process carries out."""
        return len(self._active)

    @property
    def waiting(self) -> int:
        """Requests that wait for a busy conversation."""
        return len(self._line)

    async def start(self, actor: Actor, request: RunRequest, *, queue: bool = False) -> RunView:
        """Begin a run, or join the one that the same request has begun before.

        Args:
            queue: wait for the conversation if another run holds it, in the order of arrival, for a bounded time.

        Raises:
            UnavailableError: the process is full or shutting down, or too many wait already.
            BusyError: another run holds the conversation.
            NotFoundError, InvalidArgumentError: the request doesn't fit what is stored.
            EgressError: an image of the request can't be had.
        """
        request = replace(request, messages=await with_images(request.messages))
        self._sweeper.wake()
        if not queue:
            return await self._begin(actor, request)
        key = request.conversation_id or request.agent_id or ""
        return await self._line.wait(key, lambda: self._begin(actor, request), self.ended)

    async def attach(self, actor: Actor, run_id: str) -> RunView:
        """The events of a run from its first one on, wherever it is carried out, live or from what is stored."""
        active = self._active.get(run_id)
        if active is not None and not active.turn.options.background:
            return RunView(run_id, active.turn.agent.agent_type, False, active.log.read())
        head = await self._database.read(event_repository.head_of_run, actor, run_id)
        return RunView(run_id, head.agent_type, head.background, follow(self._messages, run_id, self.recover))

    async def stream(self, actor: Actor, run_id: str, *, starting_after: int, pings: bool) -> Recording:
        """The stream of a background run after the message with some number, wherever it is carried out.

        Raises:
            NotFoundError: there is no such run.
            InvalidArgumentError: it isn't a background run.
            GoneError: its events are kept no longer.
        """
        head = await self._head(actor, run_id)
        if not head.background:
            raise InvalidArgumentError(
                f"Run {run_id} was not started with 'background', so its stream can't be resumed. "
                f"GET /v1/runs/{run_id}/messages shows its messages."
            )
        if head.expired:
            raise GoneError(
                f"The event log of run {run_id} was deleted, as logs are kept for 3 hours after a run ends. GET "
                f"/v1/runs/{run_id}/messages shows its messages."
            )
        return Recording(run_id, self._frames(head, starting_after), starting_after, pings=pings)

    async def _head(self, actor: Actor, run_id: str) -> RunHead:
        active = self._active.get(run_id)
        if active is None or active.turn.actor.organization_id != actor.organization_id:
            return await self._database.read(event_repository.head_of_run, actor, run_id)
        turn = active.turn
        return RunHead(run_id, turn.agent.agent_type, turn.options.background, turn.options.to_json(), expired=False)

    async def _frames(self, head: RunHead, after: int) -> AsyncIterator[Frame]:
        active = self._active.get(head.id)
        if active is None:
            show = show_as(head.id, RunOptions.from_json(head.request), head.agent_type)
            source = follow_log(self._events, self._database, show, after, self.recover)
        else:
            if active.take_overs:
                async for frame in told_before(self._events, head.id, after, active.first):
                    after = frame.last
                    yield frame
            source = active.frames(after)
        async for frame in source:
            yield frame

    async def cancel(self, actor: Actor, run_ids: list[str]) -> dict[str, str]:
        """Cancel runs, wherever they are carried out, and those that wait for a decision.

        Tells for each whether it goes on no more, were it over before: only one that doesn't exist is "failed".
        """
        found = await self._database.run(lease_repository.request_cancel, actor, run_ids)
        for run_id, lost in found.items():
            if run_id in self._active:
                self._active[run_id].cancellation.cancel()
            elif lost:
                await self.recover(run_id)
        inactive = [run_id for run_id in run_ids if run_id not in found]
        over = await self._database.run(cancel_inactive, actor, inactive) if inactive else set()
        if over:
            self.webhooks.wake()
        return {run_id: "cancelled" if run_id in {*found, *over} else "failed" for run_id in run_ids}

    async def ended(self, run_id: str | None, seconds: float) -> None:
        """Wait for the end of a run of this process; of any other one, for a moment."""
        active = self._active.get(run_id or "")
        if active is None or active.task is None:
            await asyncio.sleep(min(seconds, 0.5))
        else:
            await asyncio.wait({active.task}, timeout=seconds)

    async def recover(self, run_id: str) -> None:
        """Take a lost run over, or end it, unless somebody else does. A full process leaves it to the others."""
        if self._stopping is not None or len(self._active) >= self._max_runs or run_id in self._active:
            return
        try:
            found = await self._database.run(recover_run, self._claim(), run_id)
        except UnavailableError:
            raise
        except Exception:
            logger.exception("run %s could not be taken over", run_id)
            await self._try(
                give_up_run, run_id, "The run was interrupted and could not be continued. Send the message again."
            )
            self._tell(run_id)
            return
        if isinstance(found, Resumed):
            metrics.turns_taken_over.add()
            logger.warning("run %s was taken over from a process that is gone", run_id)
            self._launch(ActiveRun(found.turn, found.take_overs, found.first_number))
        elif found is not None:
            logger.warning("run %s of a process that is gone was ended as %s", run_id, found)
            self._tell(run_id)
            self._queue.nudge()  # its end may have let another one wait

    def look_for_queued(self) -> None:
        """Let runs begin soon that wait."""
        self._queue.nudge()

    def start_sweeping(self, when_due: Callable[[float | None], None] | None = None) -> None:
        """Look after what other processes left behind, now and then.

        Args:
            when_due: is told each time after how many seconds the next scheduled message is due, if there is one.
        """
        self._when_due = when_due
        self._sweeper.start()

    def _tell_when_due(self, seconds: float | None) -> None:
        if self._when_due is not None:
            self._when_due(seconds)

    @property
    def is_stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._stopping is not None

    async def stop(self, grace_seconds: float) -> None:
        """Take no new runs, let the current ones end, and hand over those that don't within the time given.

        Called again, it waits for the first call.
        """
        if self._stopping is None:
            self._line.close()
            self._stopping = asyncio.create_task(self._stop(grace_seconds))
        await asyncio.shield(self._stopping)

    async def _stop(self, grace_seconds: float) -> None:
        await self._sweeper.stop()
        await self._queue.close()
        await self._until_idle(grace_seconds)
        for active in self._active.values():
            active.cancellation.hand_over()
        await self._until_idle(_SECONDS_AFTER_HAND_OVER)
        for poller in (self._messages, self._events):
            await poller.stop()
        await self._callbacks.finish()
        await self.webhooks.finish()
        await self._leases.stop()

    async def _until_idle(self, seconds: float) -> None:
        """Wait until there are no runs, or for a bounded time."""
        deadline = time.monotonic() + seconds
        while self._active and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait([active.task for active in self._active.values() if active.task], timeout=left)

    def _claim(self) -> Claim:
        return Claim(self.owner, self._lease_seconds)

    async def _begin(self, actor: Actor, request: RunRequest) -> RunView:
        if self._stopping is not None or len(self._active) >= self._max_runs:
            why = (
                "is shutting down"
                if self._stopping is not None
                else ("has reached its limit of concurrent runs (LETTA_MAX_CONCURRENT_RUNS)")
            )
            raise UnavailableError(f"The server {why}. Try again in a few seconds.")
        try:
            begun = await self._database.run(begin_turn, actor, request, self._claim())
        except RunLostError as lost:
            await self.recover(lost.run_id)
            begun = await self._database.run(begin_turn, actor, request, self._claim())
        if not isinstance(begun, Turn):
            return await self.attach(actor, begun.id)
        active = self._launch(ActiveRun(begun))
        return RunView(begun.run_id, begun.agent.agent_type, begun.options.background, active.log.read())

    def _room_for_queued(self) -> int:
        """How many runs that wait may begin here; most of the room is kept for those that somebody waits for."""
        queued = sum(active.queued for active in self._active.values())
        return min(max(1, self._max_runs // _SHARE_OF_QUEUED) - queued, self._max_runs - len(self._active))

    async def _begin_queued(self, run_id: str) -> bool:
        """Begin a run that waits, or end it if it can't begin. False if it has to wait on."""
        try:
            begun = await self._database.run(begin_queued, self._claim(), run_id)
        except RunLostError as lost:
            await self.recover(lost.run_id)
            return False
        except (BusyError, UnavailableError):
            return False
        except LettaError as error:
            await self._give_up_queued(run_id, error.detail)
            return True
        except Exception:
            logger.exception("run %s could not be started", run_id)
            await self._give_up_queued(run_id, UNKNOWN)
            return True
        if begun is not None:
            active = ActiveRun(begun)
            active.queued = True
            self._launch(active)
        return True

    async def _give_up_queued(self, run_id: str, detail: str) -> None:
        await self._database.run(queue_repository.end_queued, run_id, detail=detail)
        self._tell(run_id)

    def _tell(self, run_id: str) -> None:
        """Tell whoever wants to know of the end of a run."""
        self._callbacks.send_soon(run_id)
        self.webhooks.wake()

    def _launch(self, active: ActiveRun) -> ActiveRun:
        self._active[active.turn.run_id] = active
        active.task = asyncio.create_task(self._carry_out(active), name=active.turn.run_id)
        self._leases.start()
        if self._stopping is not None:  # it began while its transaction was under way
            active.cancellation.hand_over()
        return active

    async def _carry_out(self, active: ActiveRun) -> None:
        """Carry a run out. Whatever becomes of it, its place is another one's then."""
        run_facts.set(_facts(active.turn))  # this task's alone
        try:
            await self._until_over(active)
        except Exception:
            logger.exception("run %s can't be brought to an end here", active.turn.run_id)
        finally:
            del self._active[active.turn.run_id]
            self._tell_of_end(active.turn)

    async def _until_over(self, active: ActiveRun) -> None:
        """Carry a run out and record it. Whatever becomes of it, those who read it are told that it is over."""
        recording = asyncio.create_task(active.record(self._database))
        interruption: TurnFailed | None = _interrupted(active.turn, UNKNOWN)
        try:
            interruption = await self._measured(active)
        finally:
            active.log.close(interruption)
            if interruption is not None:
                await self._try(lease_repository.release_lease, active.turn)
            await recording

    def _tell_of_end(self, turn: Turn) -> None:
        """Wake whoever has something to do when a run has ended here."""
        if turn.usage.run_ids:
            self._queue.nudge()
        self._queue.one_ended()
        if turn.options.job_id is not None:
            self._callbacks.send_soon(turn.options.job_id)
        if turn.options.callback_url is not None:
            self._callbacks.send_soon(turn.run_id)
        if turn.has_webhooks:
            self.webhooks.wake()

    async def _measured(self, active: ActiveRun) -> TurnFailed | None:
        began = time.perf_counter()
        with tracing.span("invoke_agent", lambda: _attributes(active.turn)) as span:
            interruption = await self._run_turn(active)
            reason = interruption.stop_reason if interruption is not None else active.turn.stop_reason or "error"
            status = "interrupted" if interruption is not None else status_of(reason)
            tracing.note(span, {"letta.status": status, "letta.stop_reason": reason})
        metrics.turns.add(status, reason)
        seconds = time.perf_counter() - began
        metrics.turn_seconds.observe(seconds, status)
        logger.debug("turn %s: %s, %.2f s", status, reason, seconds)
        return interruption

    async def _run_turn(self, active: ActiveRun) -> TurnFailed | None:
        """Carry the turn out. Returns what those are told who follow it, where it can't be brought to its end here."""
        turn = active.turn
        try:
            means = Means(self._database, self._archival, self._custom_tools, self._file_reader, self._messenger)
            runner = TurnRunner(turn, means, self._models, active.cancellation)
            async for event in runner.run():
                active.log.append(event)
        except LeaseLostError:
            return await self._left(turn, "The run was taken over by another process.")
        except TurnHandedOverError:
            return await self._left(turn, "The server is restarting; another process continues the run.")
        except UnavailableError as error:
            logger.warning("run %s was interrupted: %s", turn.run_id, error.detail)
            return _interrupted(turn, error.detail)
        except Exception:
            if await self._was_deleted(turn):  # then what it wanted to store could not refer to anything
                return _displaced(turn)
            logger.exception("run %s failed unexpectedly", turn.run_id)
            await self._try(lease_repository.end_broken_run, turn, "An unknown error occurred.")
            return _interrupted(turn, UNKNOWN)
        return None

    async def _left(self, turn: Turn, detail: str) -> TurnFailed:
        """Why this process has no part in a turn any more: as given, unless its agent or conversation was deleted."""
        if await self._was_deleted(turn):
            return _displaced(turn)
        logger.warning("run %s is left to be taken over: %s", turn.run_id, detail)
        return _interrupted(turn, detail)

    async def _was_deleted(self, turn: Turn) -> bool:
        """Whether the agent or the conversation of a turn is gone."""
        try:
            deleted = not await self._database.read(lease_repository.has_place, turn)
        except UnavailableError as error:
            logger.warning("the database could not be read: %s", error.detail)
            return False
        if deleted:
            logger.info("run %s ended with its agent or conversation, which was deleted", turn.run_id)
        return deleted

    async def _try(self, unit: Callable[Concatenate[Connection, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Run a unit that puts something in order; if the database fails, others will when the lease expires."""
        try:
            await self._database.run(unit, *args, **kwargs)
        except UnavailableError as error:
            logger.warning("the database could not be updated: %s", error.detail)
        except Exception:
            logger.exception("the database could not be told")


def _interrupted(turn: Turn, detail: str) -> TurnFailed:
    return TurnFailed(TurnInterruptedError(detail, send_again=True), turn.usage)


def _displaced(turn: Turn) -> TurnFailed:
    return TurnFailed(TurnDisplacedError(turn.agent.id), turn.usage)


def _facts(turn: Turn) -> dict[str, str]:
    return {"run_id": turn.run_id, "agent_id": turn.agent.id, "conversation_id": turn.conversation.id}


def _attributes(turn: Turn) -> dict[str, str]:
    ids = {"gen_ai.agent.id": turn.agent.id, "gen_ai.conversation.id": turn.conversation.id}
    return {"gen_ai.operation.name": "invoke_agent", **ids, "letta.run.id": turn.run_id}
