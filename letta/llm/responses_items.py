"""Our messages in the form of OpenAI's Responses API (https://platform.openai.com/docs/api-reference/responses).

Nothing is stored at the provider. What a model thought comes encrypted, is kept with the message, and goes back with
the history, so that the model can go on with its thoughts after a call.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest
from letta.llm.content import envelope_text, image_url, is_own, return_images, short_id
from letta.llm.json_schemas import enforceable
from letta.messages.message import Message

_CALL_ID_LENGTH = 64


def request_body(request: ChatRequest) -> JsonObject:
    """The JSON body of a response request."""
    config = request.config
    body: JsonObject = {
        "model": config["model"],
        "input": list(_items(request.messages, config)),
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": _given(effort=config.get("reasoning_effort"), summary="detailed"),
        "text": _text(request) or None,
        "max_output_tokens": config.get("max_tokens"),
        "user": request.user,
    }
    if request.tools:
        body["tools"] = [_tool(tool, strict=bool(config.get("strict"))) for tool in request.tools]
        body["tool_choice"] = _tool_choice(request.tool_choice)
        body["parallel_tool_calls"] = request.parallel_tool_calls
    if request.stream:
        body["stream"] = True
    return _given(**body)


def _given(**values: Any) -> JsonObject:
    return {name: value for name, value in values.items() if value is not None}


def _text(request: ChatRequest) -> JsonObject:
    verbosity = request.config.get("verbosity")
    wanted = request.response_format or request.config.get("response_format")
    if wanted and wanted["type"] == "json_schema":
        wanted = {"type": "json_schema", "name": "answer"} | wanted["json_schema"]
    return _given(verbosity=verbosity, format=wanted)


def _tool(tool: JsonObject, *, strict: bool) -> JsonObject:
    parameters = tool.get("parameters") or {"type": "object", "properties": {}}
    schema = enforceable(parameters) if strict else None
    # The API would take a tool that says nothing for a strict one, and change its parameters.
    return {"type": "function"} | tool | {"parameters": schema or parameters, "strict": schema is not None}


def _tool_choice(choice: str | None) -> str | JsonObject | None:
    if choice is None or choice in {"auto", "required", "none"}:
        return choice
    return {"type": "function", "name": choice}


def _items(messages: Iterable[Message], config: JsonObject) -> Iterator[JsonObject]:
    for message in messages:
        match message.role:
            case "system":
                yield {"role": "developer", "content": message.text}
            case "user" | "summary":
                yield {"role": "user", "content": _user_content(message)}
            case "assistant" | "approval" if message.approvals is None:
                yield from _assistant(message, config)
            case "tool":
                yield from _tool_returns(message)


def _user_content(message: Message) -> str | list[JsonObject]:
    if message.is_plain:
        return message.text
    return [input_part(part) for part in message.content if part["type"] in {"text", "image"}]


def input_part(part: JsonObject) -> JsonObject:
    """A text or an image that a user gave."""
    if part["type"] == "text":
        return {"type": "input_text", "text": part["text"]}
    return _image(part["source"])


def _image(source: JsonObject) -> JsonObject:
    return {"type": "input_image", "image_url": image_url(source), "detail": source.get("detail") or "auto"}


def _assistant(message: Message, config: JsonObject) -> Iterator[JsonObject]:
    said = [part for part in message.content if part["type"] == "text" and part["text"]]
    if is_own(message, config) and (said or message.tool_calls):  # thoughts that led to nothing are refused
        yield from _thoughts(message)
    if said:
        yield {"role": "assistant", "content": "".join(part["text"] for part in said)}
    for call in message.tool_calls or ():
        yield {
            "type": "function_call",
            "call_id": short_id(call["id"], _CALL_ID_LENGTH),
            "name": call["name"],
            "arguments": call["arguments"],
        }


def _thoughts(message: Message) -> Iterator[JsonObject]:
    for part in message.content:
        if part["type"] == "summarized_reasoning" and part.get("encrypted_content"):
            yield {
                "type": "reasoning",
                "id": part["id"],
                "summary": [{"type": "summary_text", "text": piece["text"]} for piece in part.get("summary") or ()],
                "encrypted_content": part["encrypted_content"],
            }


def _tool_returns(message: Message) -> Iterator[JsonObject]:
    for returned in message.tool_returns or ():
        text, images = envelope_text(returned, message), return_images(returned)
        output: str | list[JsonObject] = text
        if images:
            output = [{"type": "input_text", "text": text}, *map(_image, images)]
        yield {
            "type": "function_call_output",
            "call_id": short_id(returned["tool_call_id"], _CALL_ID_LENGTH),
            "output": output,
        }
