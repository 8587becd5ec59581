"""Our messages in the form of Anthropic's Messages API (https://platform.claude.com/docs/en/api/messages)."""

import re
from collections.abc import Iterable, Iterator, Sequence

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest
from letta.llm.claude import ClaudeRules, rules_of
from letta.llm.content import arguments_of, envelope_text, image_data, is_own, return_images, thinks
from letta.llm.json_schemas import closed, enforceable
from letta.messages.message import Message

DEFAULT_MAX_TOKENS = 4096
_LEAST_BUDGET = 1024
_CACHED = {"cache_control": {"type": "ephemeral"}}
_GO_ON = {"role": "user", "content": [{"type": "text", "text": "(The conversation goes on.)"}]}
_THINKING = {"thinking", "redacted_thinking"}
_FORBIDDEN_IN_IDS = re.compile(r"[^a-zA-Z0-9_-]")
_HIGHEST_WITHOUT_THINKING = {"xhigh": "high", "max": "high"}


def request_body(request: ChatRequest) -> JsonObject:
    """The JSON body of a message request.

    What stays the same from turn to turn is marked for the provider's cache: tools, system text, and the messages so
    far.
    """
    config, rules = request.config, rules_of(request.config["model"])
    forced = bool(request.tools) and request.tool_choice not in {None, "auto", "none"} and rules.forced_tools
    thinking = _thinking(config, rules, forced=forced)
    on = thinking is not None and thinking["type"] != "disabled"
    messages = _messages(request.messages, config, with_thoughts=on)
    if on and rules.thinking == "manual" and _began_without_thoughts(messages):
        thinking, on = None, False
        messages = _messages(request.messages, config, with_thoughts=False)
    body: JsonObject = {
        "model": config["model"],
        "max_tokens": config.get("max_tokens") or DEFAULT_MAX_TOKENS,
        "system": _system(request.messages),
        "messages": messages,
        "metadata": {"user_id": request.user} if request.user else None,
        "thinking": thinking,
        "temperature": _temperature(config, rules, thinking=on),
        "output_config": _output_config(request, rules, thinking) or None,
    }
    if request.tools:
        body["tools"] = _tools(request, strict=bool(config.get("strict")) and rules.structured)
        body["tool_choice"] = _tool_choice(request, forced=forced)
    elif called := _called(request.messages):
        body |= {"tools": called, "tool_choice": {"type": "none"}}
    if request.stream:
        body["stream"] = True
    return {name: value for name, value in body.items() if value is not None}


def without_thoughts(body: JsonObject) -> JsonObject:
    """The request without the model's earlier thoughts, for a provider that doesn't recognise them any more."""
    messages = [
        message | {"content": [block for block in message["content"] if block["type"] not in _THINKING]}
        for message in body["messages"]
    ]
    kept = {name: value for name, value in body.items() if name != "thinking" or value["type"] == "adaptive"}
    return kept | {"messages": [message for message in messages if message["content"]]}


def _thinking(config: JsonObject, rules: ClaudeRules, *, forced: bool) -> JsonObject | None:
    if rules.thinking == "none" or forced:
        return None
    if not thinks(config) and rules.off != "never":
        return None if rules.off == "omit" else {"type": rules.off}
    if rules.thinking == "manual":
        return _budget(config)
    adaptive: JsonObject = {"type": "adaptive", "display": "summarized"}
    if rules.bound:
        # The system text changes with the agent's memory: what the model thought before shall then be left out.
        adaptive["block_binding"] = {"prefix_mismatch_behavior": "drop_block"}
    return adaptive


def _budget(config: JsonObject) -> JsonObject | None:
    wanted = max(config.get("max_reasoning_tokens") or 0, _LEAST_BUDGET)
    budget = min(wanted, (config.get("max_tokens") or DEFAULT_MAX_TOKENS) - 1)
    return {"type": "enabled", "budget_tokens": budget} if budget >= _LEAST_BUDGET else None


def _began_without_thoughts(messages: Sequence[JsonObject]) -> bool:
    """Whether the model is in the middle of calls that it began without thinking: then it can't begin to."""
    if len(messages) < 2 or messages[-1]["content"][0]["type"] != "tool_result":
        return False
    return messages[-2]["content"][0]["type"] not in _THINKING


def _temperature(config: JsonObject, rules: ClaudeRules, *, thinking: bool) -> float | None:
    temperature = config.get("temperature")
    if temperature is None or thinking or not rules.sampling:
        return None
    return float(min(temperature, 1.0))


def _output_config(request: ChatRequest, rules: ClaudeRules, thinking: JsonObject | None) -> JsonObject:
    config = request.config
    output: JsonObject = {}
    effort = config.get("effort")
    if rules.off == "never" and not thinks(config):
        effort = "low"
    if thinking and thinking["type"] in {"disabled", "between_tools"}:
        effort = _HIGHEST_WITHOUT_THINKING.get(str(effort), effort)
    if effort and rules.effort:
        output["effort"] = effort
    wanted = request.response_format or config.get("response_format")
    if wanted and wanted["type"] == "json_schema" and rules.structured:
        output["format"] = {"type": "json_schema", "schema": closed(wanted["json_schema"].get("schema") or {})}
    return output


def _tools(request: ChatRequest, *, strict: bool) -> list[JsonObject]:
    tools = [_tool(tool, strict=strict) for tool in request.tools]
    return [*tools[:-1], tools[-1] | _CACHED]


def _tool(tool: JsonObject, *, strict: bool) -> JsonObject:
    parameters = tool.get("parameters") or {}
    schema = enforceable(parameters) if strict else None
    described = {name: tool[name] for name in ("name", "description") if tool.get(name)}
    if schema is not None:
        return described | {"input_schema": schema, "strict": True}
    return described | {"input_schema": {"type": "object", "properties": {}} | parameters}


def _called(messages: Iterable[Message]) -> list[JsonObject]:
    """The tools of the calls so far, which have to be declared even where none is offered."""
    names = dict.fromkeys(call["name"] for message in messages for call in message.tool_calls or ())
    return [{"name": name, "input_schema": {"type": "object", "properties": {}}} for name in names]


def _tool_choice(request: ChatRequest, *, forced: bool) -> JsonObject:
    choice = request.tool_choice
    if choice == "none":
        return {"type": "none"}
    alone = {} if request.parallel_tool_calls else {"disable_parallel_tool_use": True}
    if not forced:
        return {"type": "auto"} | alone
    return ({"type": "any"} if choice == "required" else {"type": "tool", "name": choice}) | alone


def _system(messages: Sequence[Message]) -> list[JsonObject] | None:
    first = messages[0] if messages else None
    if first is None or first.role != "system" or not first.text.strip():
        return None
    return [{"type": "text", "text": first.text} | _CACHED]


def _messages(messages: Sequence[Message], config: JsonObject, *, with_thoughts: bool) -> list[JsonObject]:
    """The conversation, which has to begin and to end with the user."""
    turns = list(_turns(messages, config, with_thoughts=with_thoughts))
    if not turns or turns[0]["role"] != "user":
        turns.insert(0, _GO_ON)
    if turns[-1]["role"] != "user":
        turns.append(_GO_ON)
    last = turns[-1]
    return [*turns[:-1], last | {"content": [*last["content"][:-1], last["content"][-1] | _CACHED]}]


def _turns(messages: Iterable[Message], config: JsonObject, *, with_thoughts: bool) -> Iterator[JsonObject]:
    """Messages of one side in a row are one: all returns have to stand together, right behind their calls."""
    turn: JsonObject | None = None
    for index, message in enumerate(messages):
        if index == 0 and message.role == "system":
            continue
        role = "assistant" if message.role in {"assistant", "approval"} else "user"
        blocks = list(_blocks(message, config, with_thoughts=with_thoughts))
        if turn is not None and turn["role"] == role:
            turn["content"] += blocks
        elif blocks:
            if turn is not None:
                yield turn
            turn = {"role": role, "content": blocks}
    if turn is not None:
        yield turn


def _blocks(message: Message, config: JsonObject, *, with_thoughts: bool) -> Iterator[JsonObject]:
    match message.role:
        case "system":
            yield from _text(f"<system>\n{message.text}\n</system>")
        case "user" | "summary":
            yield from _user(message)
        case "tool":
            for returned in message.tool_returns or ():
                yield _tool_result(returned, message)
        case "assistant" | "approval" if message.approvals is None:
            yield from _assistant(message, config, with_thoughts=with_thoughts)


def _text(text: str) -> Iterator[JsonObject]:
    if text.strip():  # blank text is refused
        yield {"type": "text", "text": text}


def _user(message: Message) -> Iterator[JsonObject]:
    for part in message.content:
        if part["type"] == "text":
            yield from _text(part["text"])
        elif part["type"] == "image":
            yield _image(part["source"])


def _image(source: JsonObject) -> JsonObject:
    data = image_data(source)
    if data is None:
        return {"type": "image", "source": {"type": "url", "url": source["url"]}}
    return {"type": "image", "source": {"type": "base64", "media_type": data[0], "data": data[1]}}


def _assistant(message: Message, config: JsonObject, *, with_thoughts: bool) -> Iterator[JsonObject]:
    for part in message.content:
        if part["type"] == "text":
            yield from _text(part["text"])
        elif with_thoughts and is_own(message, config):
            yield from _thought(part)
    for call in message.tool_calls or ():
        yield {"type": "tool_use", "id": _id(call["id"]), "name": call["name"], "input": arguments_of(call)}


def _thought(part: JsonObject) -> Iterator[JsonObject]:
    signature = part.get("signature")
    match part["type"]:
        case "reasoning" if signature:
            yield {"type": "thinking", "thinking": part["reasoning"], "signature": signature}
        case "omitted_reasoning" if signature:
            yield {"type": "thinking", "thinking": "", "signature": signature}
        case "redacted_reasoning":
            yield {"type": "redacted_thinking", "data": part["data"]}


def _tool_result(returned: JsonObject, message: Message) -> JsonObject:
    content = [{"type": "text", "text": envelope_text(returned, message)}, *map(_image, return_images(returned))]
    result = {"type": "tool_result", "tool_use_id": _id(returned["tool_call_id"]), "content": content}
    return result if returned["status"] == "success" else result | {"is_error": True}


def _id(call_id: str) -> str:
    """Calls that another provider's model made may have ids that Anthropic doesn't take."""
    return _FORBIDDEN_IN_IDS.sub("_", call_id)
