"""Our messages in the form of OpenAI's chat completions (https://platform.openai.com/docs/api-reference/chat)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from letta.llm.chat import ChatRequest
from letta.messages.message import Message

JsonObject = dict[str, Any]

_CALL_ID_LENGTH = 29
"""Longer ids of tool calls are cut: some compatible services accept no more."""

_REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")


def request_body(request: ChatRequest) -> JsonObject:
    """The JSON body of a chat completion request."""
    config = request.config
    reasoning = str(config["model"]).startswith(_REASONING_MODELS)
    body: JsonObject = {
        "model": config["model"],
        "messages": list(_messages(request.messages, "developer" if reasoning else "system")),
        "user": request.user,
        "max_completion_tokens": config.get("max_tokens"),
        "temperature": None if reasoning else config.get("temperature"),
        "frequency_penalty": config.get("frequency_penalty"),
        "response_format": request.response_format or config.get("response_format"),
    }
    if reasoning:
        body["reasoning_effort"] = config.get("reasoning_effort")
        body["verbosity"] = config.get("verbosity")
    if request.tools:
        body["tools"] = [{"type": "function", "function": tool} for tool in request.tools]
        body["tool_choice"] = _tool_choice(request.tool_choice)
        body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return {name: value for name, value in body.items() if value is not None}


def _tool_choice(choice: str | None) -> str | JsonObject | None:
    if choice is None or choice in {"auto", "required", "none"}:
        return choice
    return {"type": "function", "function": {"name": choice}}


def _messages(messages: Iterable[Message], system_role: str) -> Iterator[JsonObject]:
    for message in messages:
        match message.role:
            case "system":
                yield {"role": system_role, "content": message.text}
            case "user" | "summary":
                yield {"role": "user", "content": _user_content(message)}
            case "assistant" | "approval" if message.approvals is None:
                yield _assistant(message)
            case "tool":
                yield from _tool_returns(message)


def _user_content(message: Message) -> str | list[JsonObject]:
    if all(part["type"] == "text" for part in message.content):
        return message.text
    return [_part(part) for part in message.content if part["type"] in {"text", "image"}]


def _part(part: JsonObject) -> JsonObject:
    if part["type"] == "text":
        return {"type": "text", "text": part["text"]}
    source = part["source"]
    url = source.get("url") or f"data:{source.get('media_type')};base64,{source.get('data')}"
    return {"type": "image_url", "image_url": {"url": url, "detail": source.get("detail") or "auto"}}


def _assistant(message: Message) -> JsonObject:
    answer: JsonObject = {"role": "assistant", "content": message.text or None}
    if message.tool_calls:
        answer["tool_calls"] = [
            {
                "id": call["id"][:_CALL_ID_LENGTH],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in message.tool_calls
        ]
    elif answer["content"] is None:
        answer["content"] = ""
    return answer


def _tool_returns(message: Message) -> Iterator[JsonObject]:
    for returned in message.tool_returns or ():
        yield {
            "role": "tool",
            "tool_call_id": returned["tool_call_id"][:_CALL_ID_LENGTH],
            "content": tool_envelope(returned, message),
        }


def tool_envelope(returned: JsonObject, message: Message) -> str:
    """A tool's return as the model sees it: status, text and time."""
    status = "OK" if returned["status"] == "success" else "Failed"
    time = message.created_at.strftime("%Y-%m-%d %I:%M:%S %p %Z%z")
    envelope = {"status": status, "message": returned["tool_return"], "time": time}
    return json.dumps(envelope, ensure_ascii=False, indent=2)
