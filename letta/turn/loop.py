"""The turn: model call, tools, commit, again, until something ends it.

`run_turn` is the only agent loop there is. It yields typed events; whoever wants JSON, a stream or a record of them
subscribes to the run (`letta.runs.executor`).
"""

import logging
import time
from collections.abc import AsyncIterator
from functools import partial

from letta.database.engine import Database
from letta.errors import LettaError
from letta.llm.chat import ChatResult, chat
from letta.llm.errors import ContextOverflowError, LlmError
from letta.runs import repository
from letta.runs.repository import StepCommit
from letta.turn.answer import chat_request, make_answer, new_assistant_message
from letta.turn.cancellation import Cancellation, TurnCancelledError
from letta.turn.commit import STATUS, LeaseLostError, StepAnswer, StepOutcome, commit_answer, find_outcome
from letta.turn.compaction import AFTER_STEP, OVERFLOW, REQUESTED, Compactor
from letta.turn.deltas import DeltaWriter
from letta.turn.events import PartDelta, StepCommitted, TurnEnded, TurnEvent, TurnFailed
from letta.turn.models import ModelSource
from letta.turn.outside_tools import run_outside
from letta.turn.turn import Turn

logger = logging.getLogger(__name__)

_MOST_OVERFLOWS = 3
"""How often a turn makes room for a provider that finds the context too long, before it gives up."""


class TurnRunner:
    """Carries out one turn."""

    def __init__(self, turn: Turn, database: Database, models: ModelSource, cancellation: Cancellation) -> None:
        self._turn = turn
        self._database = database
        self._models = models
        self._cancellation = cancellation
        self._compactor = Compactor(turn, database, models, cancellation)
        self._overflows = 0

    async def run(self) -> AsyncIterator[TurnEvent]:
        """The events of the turn, `TurnEnded` or `TurnFailed` last.

        Raises:
            LeaseLostError: another process has taken the run over.
            TurnHandedOverError: the process shuts down; nothing of the current step was stored.
        """
        turn = self._turn
        try:
            if turn.options.compaction is not None:
                async for event in self._compactor.compact(REQUESTED, settings=turn.options.compaction):
                    yield event
                await self._finish("end_turn")
            elif turn.options.max_steps == 0:
                await self._finish("end_turn")
            while turn.stop_reason is None:
                async for event in self._step():
                    yield event
            yield TurnEnded(turn.stop_reason or "end_turn", turn.usage)
        except TurnCancelledError:
            await self._finish("cancelled", drop_input=turn.steps == 0)
            yield TurnEnded("cancelled", turn.usage)
        except LeaseLostError:
            raise
        except LettaError as error:
            yield await self._fail(error)

    async def _step(self) -> AsyncIterator[TurnEvent]:
        turn = self._turn
        source = self._models.of(turn)
        request = chat_request(turn, source.config)
        message = new_assistant_message(turn, source.config)
        writer = DeltaWriter(message, first_call_only=not source.config.get("parallel_tool_calls"))
        started = time.monotonic_ns()
        result: ChatResult | None = None
        try:
            async for item in self._cancellation.guard(chat(request, source.provider)):
                if isinstance(item, ChatResult):
                    result = item
                elif (wire := writer.write(item)) is not None:
                    turn.first_token_ns = turn.first_token_ns or time.monotonic_ns() - turn.started_ns
                    yield PartDelta(wire)
        except ContextOverflowError as error:
            async for event in self._make_room(error, message.step_id):
                yield event
            return
        if result is None:
            raise LlmError("The provider ended its answer before it was complete. Try again.")
        turn.first_token_ns = turn.first_token_ns or time.monotonic_ns() - turn.started_ns
        answer = make_answer(turn, source, message, result, llm_ns=time.monotonic_ns() - started)
        answer.done = await self._cancellation.wait(run_outside(self._database, turn, answer))
        answer.keep_open = self._compactor.is_due(result.usage.total_tokens, source.config["context_window"])
        outcome = await self._commit(answer, result)
        if outcome.messages:
            yield StepCommitted(outcome.messages, streamed=request.stream)
        if answer.keep_open:
            async for event in self._compact_after(answer):
                yield event

    async def _make_room(self, overflow: ContextOverflowError, step_id: str | None) -> AsyncIterator[TurnEvent]:
        """Compact after the provider said that the context is too long; the step is then tried again."""
        self._overflows += 1
        if self._overflows > _MOST_OVERFLOWS:
            raise overflow
        settings = self._turn.agent.compaction_settings or {}
        if self._overflows > 1:
            settings = settings | {"mode": "all"}
        async for event in self._compactor.compact(OVERFLOW, settings=settings, step_id=step_id):
            yield event

    async def _compact_after(self, answer: StepAnswer) -> AsyncIterator[TurnEvent]:
        """Compact after a step that nearly filled the window, and end the run if the step was its last."""
        stop_reason = self._turn.stop_reason
        try:
            async for event in self._compactor.compact(AFTER_STEP, step_id=answer.step["id"]):
                yield event
        except ContextOverflowError as error:
            logger.warning("run %s: nothing to compact: %s", self._turn.run_id, error.detail)
        if stop_reason is not None:
            await self._finish(stop_reason)

    async def _commit(self, answer: StepAnswer, result: ChatResult) -> StepOutcome:
        turn = self._turn
        turn.add_usage(result.usage)
        outcome = await self._database.run_confirmed(
            partial(commit_answer, turn=turn, answer=answer), partial(find_outcome, turn=turn, answer=answer)
        )
        turn.steps += 1
        turn.append(outcome.messages)
        for returned in outcome.returns:
            turn.rules.record(returned.call["name"], returned.text)
        turn.stop_reason = outcome.stop_reason
        return outcome

    async def _finish(self, stop_reason: str, *, drop_input: bool = False, error: TurnFailed | None = None) -> None:
        """End the run without a further step."""
        turn = self._turn
        turn.stop_reason = stop_reason
        dropped = [m.id for m in turn.context if m.run_id == turn.run_id and m.step_id is None] if drop_input else []
        commit = StepCommit(
            status=STATUS.get(stop_reason, "failed"),
            stop_reason=stop_reason,
            error=None if error is None else error_message(turn.run_id, error),
            duration_ns=time.monotonic_ns() - turn.started_ns,
            dropped=dropped,
        )
        if not await self._database.run(repository.commit_step, turn, commit):
            raise LeaseLostError

    async def _fail(self, error: LettaError) -> TurnFailed:
        """End the run as failed. Its input leaves the context unless a step was committed; it stays stored."""
        turn = self._turn
        is_llm_error = isinstance(error, LlmError)
        if not is_llm_error:
            logger.error("run %s failed: %s", turn.run_id, error.detail)
        failed = TurnFailed(
            stop_reason=error.stop_reason if isinstance(error, LlmError) else "error",
            error_type=error.type if isinstance(error, LlmError) else "internal_error",
            message=error.message if isinstance(error, LlmError) else "The turn could not be finished.",
            detail=error.detail,
            status=error.status,
            body=error.body(),
            usage=turn.usage,
        )
        await self._finish(failed.stop_reason, drop_input=turn.steps == 0, error=failed)
        return failed


def error_message(run_id: str, failed: TurnFailed) -> dict[str, str | None]:
    """The error message of the API, as streams send it and runs keep it."""
    return {
        "message_type": "error_message",
        "run_id": run_id,
        "error_type": failed.error_type,
        "message": failed.message,
        "detail": failed.detail,
        "seq_id": None,
    }
