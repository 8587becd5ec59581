"""Our messages in the form of OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat)."""

import re
from collections.abc import Iterable, Iterator

from letta.json_types import JsonObject
from letta.llm.chat import REASONING_MODELS, ChatRequest
from letta.llm.content import envelope_text, image_url, is_own, short_id, thinks
from letta.llm.json_schemas import enforceable
from letta.messages.message import Message

_CALL_ID_LENGTH = 29
"""Longer ids of tool calls are cut: some compatible services accept no more."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OPENAI = {"openai", "azure"}
_KNOW_ONLY_MAX_TOKENS = {"ollama", "lmstudio", "together", "deepseek", "zai", "minimax", "baseten", "fireworks"}
"""Compatible services that ignore the newer ``max_completion_tokens``."""

_WANT_THOUGHTS_BACK = {"deepseek", "zai", "minimax", "fireworks", "openrouter"}
"""Compatible services whose models go on with the thoughts they had before a call, or refuse to go on without."""


def request_body(request: ChatRequest) -> JsonObject:
    """The JSON body of a chat completion request."""
    config = request.config
    service = config.get("model_endpoint_type") or "openai"
    reasons = service in _OPENAI and str(config["model"]).startswith(REASONING_MODELS)
    limit = "max_tokens" if service in _KNOW_ONLY_MAX_TOKENS else "max_completion_tokens"
    body: JsonObject = {
        "model": config["model"],
        "messages": list(_messages(request.messages, config, "developer" if reasons else "system")),
        "user": request.user,
        limit: config.get("max_tokens"),
        "temperature": None if reasons else config.get("temperature"),
        "frequency_penalty": config.get("frequency_penalty"),
        "response_format": request.response_format or config.get("response_format"),
    }
    body |= _reasoning(config, service, reasons=reasons)
    if request.tools:
        body["tools"] = [_tool(tool, strict=bool(config.get("strict"))) for tool in request.tools]
        body["tool_choice"] = _tool_choice(request.tool_choice)
        body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {name: value for name, value in body.items() if value is not None}


def _reasoning(config: JsonObject, service: str, *, reasons: bool) -> JsonObject:
    """How long to think, in the words of the service. Where nothing was chosen, models do as they are used to."""
    if reasons:
        return {"reasoning_effort": config.get("reasoning_effort"), "verbosity": config.get("verbosity")}
    if service == "zai":
        return {"thinking": {"type": "enabled" if thinks(config) else "disabled"}}
    if service == "openrouter":
        return {"reasoning": _openrouter_reasoning(config)}
    return {} if service in _OPENAI else {"reasoning_effort": config.get("reasoning_effort")}


def _openrouter_reasoning(config: JsonObject) -> JsonObject | None:
    effort, budget = config.get("reasoning_effort"), config.get("max_reasoning_tokens") or 0
    if effort:
        return {"effort": effort}
    if not thinks(config):
        return None
    return {"max_tokens": budget} if budget > 0 else {"enabled": True}


def _tool(tool: JsonObject, *, strict: bool) -> JsonObject:
    schema = enforceable(tool.get("parameters") or {}) if strict else None
    function = tool if schema is None else tool | {"parameters": schema, "strict": True}
    return {"type": "function", "function": function}


def _tool_choice(choice: str | None) -> str | JsonObject | None:
    if choice is None or choice in {"auto", "required", "none"}:
        return choice
    return {"type": "function", "function": {"name": choice}}


def _messages(messages: Iterable[Message], config: JsonObject, system_role: str) -> Iterator[JsonObject]:
    for message in messages:
        match message.role:
            case "system":
                yield {"role": system_role, "content": message.text}
            case "user" | "summary":
                yield {"role": "user", "content": _user_content(message)} | _name(message, config)
            case "assistant" | "approval" if message.approvals is None:
                yield _assistant(message, config)
            case "tool":
                yield from _tool_returns(message)


def _name(message: Message, config: JsonObject) -> JsonObject:
    """Who speaks, for services that take it, and in the form in which they take it."""
    known = (config.get("model_endpoint_type") or "openai") in _OPENAI and message.name
    return {"name": message.name} if known and _NAME.fullmatch(known) else {}


def _user_content(message: Message) -> str | list[JsonObject]:
    if message.is_plain:
        return message.text
    return [_part(part) for part in message.content if part["type"] in {"text", "image"}]


def _part(part: JsonObject) -> JsonObject:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    source = part["source"]
    return {"type": "image_url", "image_url": {"url": image_url(source), "detail": source.get("detail") or "auto"}}


def _assistant(message: Message, config: JsonObject) -> JsonObject:
    answer: JsonObject = {"role": "assistant", "content": message.text or None}
    service = config.get("model_endpoint_type")
    if service in _WANT_THOUGHTS_BACK and is_own(message, config):
        answer |= _thoughts(message, service)
    if message.tool_calls:
        answer["tool_calls"] = [
            {
                "id": short_id(call["id"], _CALL_ID_LENGTH),
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in message.tool_calls
        ]
    elif answer["content"] is None:
        answer["content"] = ""
    return answer


def _thoughts(message: Message, service: str) -> JsonObject:
    if service == "openrouter":
        details = [detail for part in message.content for detail in part.get("details") or ()]
        return {"reasoning_details": details} if details else {}
    text = "".join(part["reasoning"] for part in message.content if part["type"] == "reasoning")
    return {"reasoning_content": text} if text else {}


def _tool_returns(message: Message) -> Iterator[JsonObject]:
    for returned in message.tool_returns or ():
        yield {
            "role": "tool",
            "tool_call_id": short_id(returned["tool_call_id"], _CALL_ID_LENGTH),
            "content": envelope_text(returned, message),
        }
