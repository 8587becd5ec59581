"""The turn: model call, tools, commit, again, until something ends it.

`TurnRunner` is the only agent loop there is. It yields typed events; whoever wants JSON, a stream or a record of them
subscribes to the run (`letta.runs.executor`).
"""

import logging
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial

from letta.database.ids import new_id
from letta.errors import LettaError
from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest, ChatResult, chat
from letta.llm.errors import ContextOverflowError, LlmError
from letta.messages.message import Message
from letta.turn.answer import make_answer, new_assistant_message, new_step
from letta.turn.approvals import settled_returns
from letta.turn.cancellation import Cancellation, TurnCancelledError
from letta.turn.commit import (
    LeaseLostError,
    StepAnswer,
    StepOutcome,
    commit_answer,
    commit_as_holder,
    commit_decision,
    find_decided,
    find_outcome,
    find_recorded,
    record_calls,
)
from letta.turn.compaction import AFTER_STEP, OVERFLOW, REQUESTED, Compactor
from letta.turn.context import chat_request
from letta.turn.ending import OpenCalls, broken_off, ended
from letta.turn.events import PartDelta, StepCommitted, TurnEnded, TurnEvent, TurnFailed
from letta.turn.measuring import count_calls
from letta.turn.models import ModelChoice, ModelSource
from letta.turn.outside_tools import Means, any_outside, run_outside
from letta.turn.step_repository import StepCommit, find_ended
from letta.turn.styles import style_of
from letta.turn.tools import ToolReturn
from letta.turn.turn import Decision, Turn

logger = logging.getLogger(__name__)

_MOST_OVERFLOWS = 3
"""How often a turn makes room for a provider that finds the context too long, before it gives up."""


class TurnRunner:
    """Carries out one turn."""

    def __init__(
        self,
        turn: Turn,
        means: Means,
        models: ModelSource,
        cancellation: Cancellation,
    ) -> None:
        self._turn = turn
        self._database = means.database
        self._archival = means.archival
        self._means = means
        self._models = models
        self._cancellation = cancellation
        self._compactor = Compactor(turn, means.database, models, cancellation)
        self._style = style_of(turn.agent.agent_type)
        self._overflows = 0
        self._open_step: JsonObject | None = None
        self._unreturned: StepAnswer | None = None

    async def run(self) -> AsyncIterator[TurnEvent]:
        """The events of the turn, `TurnEnded` or `TurnFailed` last.

        Raises:
            LeaseLostError: another process has taken the run over.
            TurnHandedOverError: the process shuts down; nothing of the current step was stored.
        """
        turn = self._turn
        try:
            await self._models.prepare(turn)
            if turn.options.compaction is not None:
                async for event in self._compactor.compact(REQUESTED, settings=turn.options.compaction):
                    yield event
                await self._finish("end_turn")
            if turn.decision is not None:
                yield await self._carry_out_decision(turn.decision)
            if turn.stop_reason is None and turn.options.max_steps == 0:
                await self._finish("end_turn")
            while turn.stop_reason is None:
                async for event in self._step():
                    yield event
            yield TurnEnded(turn.stop_reason or "end_turn", turn.usage)
        except TurnCancelledError:
            await self._break_off("cancelled")
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
        started = time.monotonic_ns()
        step = self._open_step = new_step(source.config, message)
        result: ChatResult | None = None
        try:
            async for item in self._ask(request, message, source):
                if isinstance(item, ChatResult):
                    result = item
                else:
                    yield item
        except ContextOverflowError as error:
            async for event in self._make_room(error, message.step_id):
                yield event
            return
        if result is None:
            raise LlmError("The provider ended its answer before it was complete. Try again.")
        step["llm_request_ns"] = time.monotonic_ns() - started
        answer = make_answer(turn, source, message, result, step, had_tools=bool(request.tools))
        answer.streamed = request.stream
        answer.keep_open = self._compactor.is_due(result, source.config)
        turn.add_usage(result.usage, counts_context=self._style.counts_context)
        async for event in self._complete(answer):
            yield event

    async def _ask(
        self, request: ChatRequest, message: Message, source: ModelChoice
    ) -> AsyncIterator[PartDelta | ChatResult]:
        """The answer of the model, after its pieces if they are wanted."""
        turn = self._turn
        writer = self._style.delta_writer(turn, message, source.config, had_tools=bool(request.tools))
        async for item in self._cancellation.guard(chat(request, source.provider)):
            turn.first_token_ns = turn.first_token_ns or time.monotonic_ns() - turn.started_ns
            if isinstance(item, ChatResult):
                yield item
                continue
            for wire in writer.write(item):
                yield PartDelta(wire)

    async def _complete(self, answer: StepAnswer) -> AsyncIterator[TurnEvent]:
        """Carry out the calls of an answer and store what the step produced."""
        calls = [] if answer.gated else [call for call in answer.calls if call["id"] not in answer.refused]
        if calls:
            if any_outside(self._turn, calls):
                yield await self._record(answer)
            began = time.monotonic_ns()
            answer.done = await self._cancellation.wait(run_outside(self._means, self._turn, calls))
            answer.step["tool_execution_ns"] = time.monotonic_ns() - began
        answer.step["step_ns"] = answer.step["llm_request_ns"] + answer.step.get("tool_execution_ns", 0)
        outcome = await self._database.run_confirmed(
            partial(commit_answer, turn=self._turn, answer=answer),
            partial(find_outcome, turn=self._turn, answer=answer),
        )
        self._open_step = self._unreturned = None
        self._turn.steps += 1
        self._turn.append(outcome.messages)
        self._take_over(outcome)
        count_calls(self._turn, outcome.returns, answer.calls, answer.refused)
        if outcome.messages:
            yield StepCommitted(outcome.messages, streamed=answer.streamed)
        if answer.keep_open:
            async for event in self._compact_after(answer):
                yield event

    async def _record(self, answer: StepAnswer) -> StepCommitted:
        """Store the calls before they take effect: should the process die, nobody shall make them again."""
        message = await self._database.run_confirmed(
            partial(record_calls, turn=self._turn, answer=answer),
            partial(find_recorded, turn=self._turn, answer=answer),
        )
        answer.recorded = True
        self._unreturned = answer
        self._turn.append([message])
        return StepCommitted([message], streamed=answer.streamed)

    async def _carry_out_decision(self, decision: Decision) -> StepCommitted:
        """Carry out the approved calls of a step that was held up, and store the returns of all its calls."""
        turn = self._turn
        settled = settled_returns(turn, decision)
        calls = [call for call in decision.calls if call["id"] not in settled]
        done: Mapping[str, ToolReturn] = {}
        if calls:
            done = await self._cancellation.wait(run_outside(self._means, turn, calls))
        message_id = new_id("message")
        outcome = await self._database.run_confirmed(
            partial(commit_decision, turn=turn, decision=decision, done=done, message_id=message_id),
            partial(find_decided, turn=turn, decision=decision, message_id=message_id),
        )
        turn.decision = None
        turn.insert(outcome.messages)
        self._take_over(outcome)
        count_calls(turn, outcome.returns)
        return StepCommitted(outcome.messages, streamed=False)

    def _take_over(self, outcome: StepOutcome) -> None:
        """Go on with what a transaction has brought about, beside its messages."""
        self._turn.note(outcome.committed)
        if outcome.seen is not None:
            self._turn.see(outcome.seen)
        for returned in outcome.returns:
            self._turn.rules.record(returned.call["name"], returned.text)
        self._turn.stop_reason = outcome.stop_reason
        if any(passage.embedding_model is None for passage in self._turn.passages.values()):
            self._archival.look_for_due()
        self._turn.passages = {}

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
            measured = answer.step["total_tokens"]
            async for event in self._compactor.compact(AFTER_STEP, step_id=answer.step["id"], measured=measured):
                yield event
        except LlmError as error:
            logger.warning("the context of run %s could not be compacted: %s", self._turn.run_id, error.detail)
        if stop_reason is not None:
            await self._finish(stop_reason)

    async def _finish(self, stop_reason: str) -> None:
        """End the run, whose work is done."""
        self._turn.stop_reason = stop_reason
        await self._end(ended(self._turn, stop_reason))

    async def _break_off(self, stop_reason: str, error: LettaError | None = None) -> None:
        """End the run amid its work."""
        turn, answer = self._turn, self._unreturned
        turn.stop_reason = stop_reason
        open_calls = None if answer is None else OpenCalls(answer.message, answer.calls, answer.refused)
        commit = broken_off(turn, stop_reason, open_calls, error)
        commit.step = self._broken_step(stop_reason, error)
        commit.trace = answer.trace if answer is not None else None
        await self._end(commit)

    async def _end(self, commit: StepCommit) -> None:
        committed = await self._database.run_confirmed(
            partial(commit_as_holder, turn=self._turn, commit=commit),
            partial(find_ended, turn=self._turn, commit=commit),
        )
        self._turn.note(committed)

    def _broken_step(self, stop_reason: str, error: LettaError | None) -> JsonObject | None:
        """The row of a step that was under way."""
        if self._open_step is None:
            return None
        step = self._open_step if self._unreturned is None else self._unreturned.step
        outcome: JsonObject = {"status": "cancelled" if error is None else "failed", "stop_reason": stop_reason}
        if error is not None:
            outcome |= {"error_type": error.type, "error_data": {"message": error.message, "detail": error.detail}}
        return step | outcome

    async def _fail(self, error: LettaError) -> TurnFailed:
        """End the run as failed. Its input leaves the context unless a step was committed; it stays stored."""
        turn = self._turn
        if isinstance(error, LlmError):
            logger.warning("the model call of run %s failed: %s", turn.run_id, error.type)
        else:
            logger.error("run %s failed: %s", turn.run_id, error.detail)
        await self._break_off(error.stop_reason, error)
        return TurnFailed(error, turn.usage)
