"""From a model's answer to what will be stored of it."""

import json
import uuid
import zlib
from collections.abc import Sequence

from letta.database.ids import new_id
from letta.json_types import JsonObject
from letta.llm.chat import ChatResult
from letta.memory_tools.errors import ToolError
from letta.memory_tools.execute import read_arguments
from letta.messages.message import Message
from letta.settings import settings
from letta.tools.tool import Tool
from letta.turn.approvals import is_gated
from letta.turn.commit import StepAnswer
from letta.turn.models import ModelChoice
from letta.turn.prefill import PrefillError, with_fixed_arguments
from letta.turn.styles import style_of
from letta.turn.tools import ToolReturn, failed, refused
from letta.turn.turn import Turn

_TRACE_COMPRESSION = 1


def new_assistant_message(turn: Turn, config: JsonObject) -> Message:
    """The row that the answer will be stored in; its id is known while the answer is still being streamed."""
    return Message(
        role="assistant",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        step_id=new_id("step"),
        model=config["model"],
    )


def new_step(config: JsonObject, message: Message) -> JsonObject:
    """What is known of a step before the model has answered."""
    return {
        "id": message.step_id,
        "provider_name": config.get("provider_name"),
        "provider_category": config.get("provider_category"),
        "model": config["model"],
        "model_handle": config.get("handle"),
        "model_endpoint": config.get("model_endpoint"),
        "context_window_limit": config.get("context_window"),
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "total_tokens": 0,
    }


def make_answer(
    turn: Turn, source: ModelChoice, message: Message, result: ChatResult, step: JsonObject, *, had_tools: bool
) -> StepAnswer:
    """What is to be stored of a model's answer.

    Raises:
        LlmError: it isn't an answer that agents of this type give.
    """
    style = style_of(turn.agent.agent_type)
    spoken = style.read(result, had_tools=had_tools)
    kept = spoken.calls if style.several_calls(source.config) else spoken.calls[:1]
    message.content = spoken.content
    answer = StepAnswer(
        message=message,
        step=step | _outcome(result),
        trace=_trace(result, result.tool_calls[len(kept) :]),
        finish_reason=result.finish_reason,
    )
    if kept:
        _take_calls(turn, answer, _with_own_ids(kept))
    return answer


def _take_calls(turn: Turn, answer: StepAnswer, calls: Sequence[JsonObject]) -> None:
    tools = {tool.name: tool for tool in turn.tools}
    taken: list[JsonObject] = []
    planned: list[str] = []
    for call in calls:
        checked, refusal = _checked(turn, tools, call, planned)
        taken.append(checked)
        if refusal is not None:
            answer.refused[call["id"]] = refusal.returned
            answer.breaks_off = answer.breaks_off or refusal.breaks_off
            continue
        planned.append(call["name"])
        if is_gated(turn, call["name"]):
            answer.gated.append(call["id"])
    answer.message.tool_calls = taken
    if answer.breaks_off:
        answer.gated = []


class _Refusal:
    def __init__(self, returned: ToolReturn, *, breaks_off: bool = False) -> None:
        self.returned = returned
        self.breaks_off = breaks_off


def _checked(
    turn: Turn, tools: dict[str, Tool], call: JsonObject, planned: Sequence[str]
) -> tuple[JsonObject, _Refusal | None]:
    """The call as it is to be made, and why it may not be made, if it may not."""
    name = call["name"]
    broken = _broken_rules(turn, name, planned)
    if broken is not None:
        return call, _Refusal(refused(call, broken))
    try:
        read_arguments(call["arguments"])
        return with_fixed_arguments(turn.rules, tools[name], call), None
    except PrefillError as error:
        return call, _Refusal(failed(call, str(error)), breaks_off=True)
    except ToolError as error:
        # What a person or a client is asked about is theirs to judge; the server itself can't run it.
        return call, None if is_gated(turn, name) else _Refusal(failed(call, str(error)))


def _broken_rules(turn: Turn, name: str, planned: Sequence[str]) -> str | None:
    names = turn.tool_names
    reasons = turn.rules.violations(name, names, planned) if name in names else []
    if name in names and not reasons:
        return None
    hints = "".join(f"\n\t- {reason}" for reason in reasons)
    told = f"\n** Hint: Possible rules that were violated:{hints}" if reasons else ""
    return f"[ToolConstraintError] Cannot call {name}, valid tools include: {turn.rules.allowed(names, planned)}.{told}"


def _with_own_ids(calls: Sequence[JsonObject]) -> list[JsonObject]:
    """The calls with an id each that no other call of the answer has."""
    ids: set[str] = set()
    named: list[JsonObject] = []
    for call in calls:
        call_id = call["id"] if call["id"] and call["id"] not in ids else f"call_{uuid.uuid4().hex[:24]}"
        ids.add(call_id)
        named.append(call | {"id": call_id})
    return named


def _outcome(result: ChatResult) -> JsonObject:
    usage = result.usage
    return {
        "status": "success",
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
    }


def _trace(result: ChatResult, dropped: Sequence[JsonObject]) -> bytes | None:
    """The exchange with the provider, and those calls of the answer that weren't kept."""
    if not settings.track_provider_trace:
        return None
    exchange: JsonObject = {"request": result.request, "response": result.response}
    if dropped:
        exchange["dropped_tool_calls"] = list(dropped)
    return zlib.compress(json.dumps(exchange).encode(), _TRACE_COMPRESSION)
