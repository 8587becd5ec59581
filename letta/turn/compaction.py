"""Compaction: older messages give way to a summary, so that the conversation fits the model's context window again.

Nothing is deleted: evicted messages leave the context, stay stored, listed and searchable. If no summary can be had,
they leave the context without one rather than wedge the agent.
"""

import json
import logging
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection

from letta.agents.prompts import compaction_prompt
from letta.database.engine import Database
from letta.errors import LettaError
from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest, ChatResult, chat
from letta.llm.errors import ContextOverflowError, LlmError, SystemPromptOverflowError
from letta.llm.tokens import estimate, estimate_tokens, observe
from letta.messages import repository as messages_repository
from letta.messages.message import Message, text_content
from letta.messages.wire import bare_head
from letta.system_message.current import Seen, find_seen, show
from letta.system_message.facts import facts_of
from letta.system_message.times import format_time
from letta.turn import place_repository
from letta.turn.cancellation import Cancellation
from letta.turn.commit import LeaseLostError
from letta.turn.compaction_plan import CompactionPlan, plan_compaction
from letta.turn.events import Compacting, StepCommitted, TurnEvent
from letta.turn.history import repair
from letta.turn.models import ModelChoice, ModelSource
from letta.turn.transcript import transcript
from letta.turn.turn import Turn

logger = logging.getLogger(__name__)

AFTER_STEP = "post_step_context_check"
OVERFLOW = "context_window_exceeded"
REQUESTED = "manual"

_BY_ITSELF = "self_compact_"
"""How modes begin in which the agent's own conversation goes on to its summary."""
_FULL = 0.9
"""Share of the window from which on a step is followed by compaction."""
_IMAGE_TOKENS = 1000
"""What an image takes of the window, about: providers count its pixels, not its bytes."""
_WITHOUT_SUMMARY = "Earlier messages no longer fit the context. Find them with conversation_search."


class Compactor:
    """Compacts the context of one turn."""

    def __init__(self, turn: Turn, database: Database, models: ModelSource, cancellation: Cancellation) -> None:
        self._turn = turn
        self._database = database
        self._models = models
        self._cancellation = cancellation

    def is_due(self, result: ChatResult, config: JsonObject) -> bool:
        """Whether the last call came so close to the window that the next one may not fit.

        If so, what the provider counted teaches us how to estimate what is to be cut. Local servers that count nothing
        are told by estimates alone.
        """
        used = result.usage.total_tokens or sum(self._tokens(message) for message in self._turn.context)
        if used <= _FULL * config["context_window"]:
            return False
        observe(_handle(config), len(json.dumps(result.request, ensure_ascii=False)), result.usage.prompt_tokens)
        return True

    async def compact(
        self,
        trigger: str,
        *,
        settings: JsonObject | None = None,
        step_id: str | None = None,
        measured: int | None = None,
    ) -> AsyncIterator[TurnEvent]:
        """Summarize what the settings say (the agent's by default) and put the summary into the context.

        ``measured`` is how many tokens the provider counted; without it they are estimated.

        Raises:
            ContextOverflowError: there is nothing that could give way.
            LlmError: no summary could be had. The context stays as it is, unless the provider has refused it as too
                long: then it is cut without one, so that the turn can go on.
            LeaseLostError: another process has taken the run over.
        """
        turn = self._turn
        settings = settings or turn.agent.compaction_settings or {}
        window = self._models.of(turn).config["context_window"]
        if trigger == OVERFLOW:
            self._check_system_message(window)
        plan = self._plan(settings, window)
        if plan is None:
            raise ContextOverflowError(
                "The system message and the last message alone exceed the context window. Shorten the memory blocks or "
                "the system prompt, or raise the agent's context_window_limit."
            )
        tokens = self._tokens
        before = measured or sum(tokens(message) for message in turn.context)
        if turn.options.include_compaction_messages:
            yield Compacting(_event(turn, trigger, before, window, step_id))
        summary = await self._summary(settings, plan, trigger)
        stats = {
            "trigger": trigger,
            "context_tokens_before": before,
            "context_window": window,
            "messages_count_before": len(turn.context),
            "messages_count_after": len(plan.kept) + 2,
        }
        message = _summary_message(turn, plan, summary, stats, trigger, step_id)
        after = tokens(turn.context[0]) + tokens(message) + sum(tokens(kept) for kept in plan.kept)
        message.content = _envelope(turn, summary, stats | {"context_tokens_after": after}, message.created_at)
        seen = await self._database.run_confirmed(
            partial(_store, turn=turn, plan=plan, message=message), partial(_find_stored, turn=turn, message=message)
        )
        turn.context = [turn.context[0], message, *plan.kept]
        turn.see(seen)
        turn.usage.context_tokens = after
        yield StepCommitted([message], streamed=False)

    def _check_system_message(self, window: int) -> None:
        tokens = self._tokens(self._turn.context[0])
        if tokens > window:
            raise SystemPromptOverflowError(
                f"The system message has about {tokens} tokens, but the context window only {window}. Shorten the "
                "system prompt or the memory blocks, or raise the agent's context_window_limit."
            )

    def _tokens(self, message: Message) -> int:
        said = [part for part in message.content if part["type"] != "image"]
        parts = [said, message.tool_calls or [], message.tool_returns or []]
        tokens = estimate_tokens(json.dumps(parts, ensure_ascii=False), _handle(self._models.of(self._turn).config))
        return tokens + _IMAGE_TOKENS * (len(message.content) - len(said))

    def _plan(self, settings: JsonObject, window: int) -> CompactionPlan | None:
        mode = settings.get("mode") or "sliding_window"
        percentage = settings.get("sliding_window_percentage") or 0.3
        return plan_compaction(self._turn.context, mode, percentage, window, self._tokens, run_id=self._turn.run_id)

    async def _summary(self, settings: JsonObject, plan: CompactionPlan, trigger: str) -> str:
        failure = LlmError("No model is available to write the summary.")
        for mode, choice in self._attempts(settings):
            try:
                text = await self._cancellation.wait(self._ask(settings.get("prompt"), mode, plan, choice))
                return _clipped(text, settings.get("clip_chars"))
            except LlmError as error:
                failure = error
                logger.warning(
                    "run %s: no summary from %s: %s", self._turn.run_id, choice.config["handle"], error.detail
                )
                if mode.startswith(_BY_ITSELF) and not isinstance(error, ContextOverflowError):
                    break
        if trigger == OVERFLOW:
            return _WITHOUT_SUMMARY
        if isinstance(failure, ContextOverflowError):
            failure = LlmError(
                "The text is too long for the summarizing model. Choose another model or another mode in "
                "compaction_settings."
            )
        raise failure

    def _attempts(self, settings: JsonObject) -> list[tuple[str, ModelChoice]]:
        """Modes, and the models to ask for a summary, in order: the settings', then the agent's own.

        An agent that is to summarize by itself may find its context too long for that; then it is given a transcript.
        """
        mode = settings.get("mode") or "sliding_window"
        own = self._models.of(self._turn)
        if mode.startswith(_BY_ITSELF):
            return [(mode, own), (mode.removeprefix(_BY_ITSELF), own)]
        chosen = self._chosen(settings.get("model"), own)
        return [(mode, chosen)] if chosen is own else [(mode, chosen), (mode, own)]

    def _chosen(self, handle: str | None, own: ModelChoice) -> ModelChoice:
        if handle is None or handle == own.config.get("handle"):
            return own
        try:
            return self._models.with_handle(self._turn, own.config, handle)
        except LettaError:
            return own

    async def _ask(self, prompt: str | None, mode: str, plan: CompactionPlan, choice: ModelChoice) -> str:
        request = ChatRequest(
            config=choice.config,
            messages=self._question(
                prompt or compaction_prompt(mode), plan, choice, by_itself=mode.startswith(_BY_ITSELF)
            ),
            tools=[],
            user=self._turn.actor.user_id,
        )
        async for item in chat(request, choice.provider):
            if isinstance(item, ChatResult):
                text = "".join(part["text"] for part in item.content if part["type"] == "text").strip()
                if text:
                    return text
        raise LlmError("The summarizing model sent no text. Try again, or choose another model in compaction_settings.")

    def _question(self, prompt: str, plan: CompactionPlan, choice: ModelChoice, *, by_itself: bool) -> list[Message]:
        turn = self._turn
        if by_itself:
            asked = Message("user", turn.agent.id, turn.conversation.id, content=text_content(prompt))
            return [*repair([turn.context[0], *plan.evicted]), asked]
        told = transcript(plan.evicted, window_tokens=choice.config["context_window"] - estimate(prompt))
        return [
            Message("system", turn.agent.id, turn.conversation.id, content=text_content(prompt)),
            Message("user", turn.agent.id, turn.conversation.id, content=text_content(told)),
        ]


def _store(connection: Connection, turn: Turn, plan: CompactionPlan, message: Message) -> Seen:
    """Put the summary where the evicted messages were, and tell the system message of its new counts."""
    if not place_repository.holds_lease(connection, turn):
        raise LeaseLostError
    messages_repository.insert_messages(connection, turn.actor, [message])
    messages_repository.supersede(connection, turn.conversation.id, [old.id for old in plan.evicted], message)
    facts = facts_of(connection, turn.agent.id, in_context=len(plan.kept) + 2, label=turn.conversation.label)
    seen = show(connection, turn.agent, turn.context[0], turn.shown, facts)
    place_repository.set_digest(connection, turn, seen.digest)
    return seen


def _find_stored(connection: Connection, turn: Turn, message: Message) -> Seen | None:
    """What `_store` returned, where its COMMIT may or may not have arrived; None if it did not."""
    if not messages_repository.roles_of(connection, turn.agent.id, [message.id]):
        return None
    place = (turn.actor, turn.agent, turn.conversation, turn.context[0])
    return find_seen(connection, *place, with_folders=turn.has_folders)


def _summary_message(
    turn: Turn, plan: CompactionPlan, summary: str, stats: JsonObject, trigger: str, step_id: str | None
) -> Message:
    shown = turn.options.include_compaction_messages or trigger == REQUESTED
    message = Message(
        role="summary" if shown else "user",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        step_id=step_id,
        otid=str(uuid.uuid4()),
        position=plan.evicted[-1].position,
    )
    message.content = _envelope(turn, summary, stats, message.created_at)
    return message


def _envelope(turn: Turn, summary: str, stats: JsonObject, moment: datetime) -> list[JsonObject]:
    envelope = {
        "type": "system_alert",
        "message": summary,
        "time": format_time(moment, turn.agent.timezone),
        "compaction_stats": stats,
    }
    return text_content(json.dumps(envelope, ensure_ascii=False, indent=2))


def _event(turn: Turn, trigger: str, tokens: int, window: int, step_id: str | None) -> JsonObject:
    return bare_head("event_message", str(uuid.uuid4()), turn.run_id, datetime.now(UTC)) | {
        "step_id": step_id,
        "event_type": "compaction",
        "event_data": {"trigger": trigger, "context_token_estimate": tokens, "context_window": window},
    }


def _clipped(text: str, limit: int | None) -> str:
    return text if limit is None or len(text) <= limit else text[:limit] + "…"


def _handle(config: JsonObject) -> str:
    return str(config.get("handle") or config["model"])
