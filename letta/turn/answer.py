"""From a turn's state to a model's request, and from the model's answer to what will be stored."""

import json
import uuid
import zlib
from typing import Any

from letta.database.ids import new_id
from letta.llm.chat import ChatRequest, ChatResult
from letta.messages.message import Message, text_content
from letta.settings import settings
from letta.turn.commit import StepAnswer
from letta.turn.history import repair
from letta.turn.models import ModelChoice
from letta.turn.system import SystemFacts, compile_system, format_time
from letta.turn.tools import ToolReturn, failed, normalised
from letta.turn.turn import Turn

JsonObject = dict[str, Any]

_TRACE_COMPRESSION = 1


def chat_request(turn: Turn, config: JsonObject) -> ChatRequest:
    """What the next step asks of the model."""
    tools = _offered_tools(turn)
    parallel = bool(config.get("parallel_tool_calls")) and turn.rules.only_approvals()
    return ChatRequest(
        config=config,
        messages=_context(turn),
        tools=tools,
        tool_choice=_tool_choice(turn, tools) if tools else None,
        parallel_tool_calls=parallel,
        response_format=turn.agent.response_format,
        user=turn.actor.user_id,
        stream=turn.options.stream_tokens,
    )


def _context(turn: Turn) -> list[Message]:
    messages = repair(turn.context)
    if turn.options.override_system is None:
        return messages
    facts = SystemFacts(conversation_label=turn.conversation.label)
    text = compile_system(turn.agent, turn.blocks, facts, system=turn.options.override_system)
    system = Message("system", turn.agent.id, turn.conversation.id, content=text_content(text))
    return [system, *(message for message in messages if message.role != "system")]


def _offered_tools(turn: Turn) -> list[JsonObject]:
    allowed = set(turn.rules.allowed([tool.name for tool in turn.tools]))
    return [_schema(tool.json_schema) for tool in turn.tools if tool.name in allowed]


def _schema(json_schema: JsonObject) -> JsonObject:
    return {name: json_schema[name] for name in ("name", "description", "parameters") if name in json_schema}


def _tool_choice(turn: Turn, tools: list[JsonObject]) -> str:
    if not turn.rules.forced([tool.name for tool in turn.tools]):
        return "auto"
    return str(tools[0]["name"]) if len(tools) == 1 else "required"


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


def make_answer(turn: Turn, source: ModelChoice, message: Message, result: ChatResult, *, llm_ns: int) -> StepAnswer:
    """What is to be stored of a model's answer."""
    message.content = result.content
    calls = [normalised(_with_id(call)) for call in result.tool_calls]
    if not source.config.get("parallel_tool_calls"):
        calls = calls[:1]
    message.tool_calls = [_prefilled(turn, call) for call in calls] or None
    answer = StepAnswer(
        message=message,
        step=_step(source.config, message, result, llm_ns),
        trace=_trace(result),
        refused={call["id"]: refusal for call in calls if (refusal := _refusal(turn, call))},
    )
    if not calls:
        _end(turn, answer, result)
    return answer


def _with_id(call: JsonObject) -> JsonObject:
    return call if call["id"] else call | {"id": f"call_{uuid.uuid4().hex[:24]}"}


def _prefilled(turn: Turn, call: JsonObject) -> JsonObject:
    fixed = turn.rules.prefilled(call["name"])
    if not fixed:
        return call
    try:
        arguments = json.loads(call["arguments"])
    except ValueError:
        arguments = {}
    return call | {"arguments": json.dumps(arguments | fixed, ensure_ascii=False)}


def _refusal(turn: Turn, call: JsonObject) -> ToolReturn | None:
    names = [tool.name for tool in turn.tools]
    allowed = turn.rules.allowed(names)
    name = call["name"]
    if name in allowed:
        return None
    reasons = turn.rules.violations(name, names) if name in names else []
    hints = f" ({'; '.join(reasons)})" if reasons else ""
    return failed(call, f"[ToolConstraintError] Cannot call {name}, valid tools include: {allowed}{hints}")


def _end(turn: Turn, answer: StepAnswer, result: ChatResult) -> None:
    missing = turn.rules.still_required(tool.name for tool in turn.tools)
    if missing:
        answer.extra = [_reminder(turn, answer.message, missing)]
        return
    answer.stop_reason = "max_tokens_exceeded" if result.finish_reason == "length" else "end_turn"


def _reminder(turn: Turn, message: Message, missing: list[str]) -> Message:
    envelope = {
        "type": "heartbeat",
        "reason": f"Your turn can't end yet: you still have to call {', '.join(missing)}.",
        "time": format_time(message.created_at, turn.agent.timezone),
    }
    return Message(
        role="user",
        agent_id=turn.agent.id,
        conversation_id=turn.conversation.id,
        run_id=turn.run_id,
        step_id=message.step_id,
        content=text_content(json.dumps(envelope, indent=2)),
    )


def _step(config: JsonObject, message: Message, result: ChatResult, llm_ns: int) -> JsonObject:
    usage = result.usage
    return {
        "id": message.step_id,
        "status": "success",
        "provider_name": config.get("provider_name"),
        "provider_category": config.get("provider_category"),
        "model": config["model"],
        "model_handle": config.get("handle"),
        "model_endpoint": config.get("model_endpoint"),
        "context_window_limit": config.get("context_window"),
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "llm_request_ns": llm_ns,
        "step_ns": llm_ns,
    }


def _trace(result: ChatResult) -> bytes | None:
    if not settings.track_provider_trace:
        return None
    exchange = json.dumps({"request": result.request, "response": result.response})
    return zlib.compress(exchange.encode(), _TRACE_COMPRESSION)
