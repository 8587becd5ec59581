"""Our messages in the form of Gemini's generateContent (https://ai.google.dev/api/generate-content)."""

from collections.abc import Iterable, Iterator, Sequence

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest
from letta.llm.content import arguments_of, image_data, is_own, tool_envelope
from letta.llm.gemini import formats_beside_tools, signs_calls, thinking_config
from letta.llm.json_schemas import for_gemini
from letta.messages.message import Message

_NO_SIGNATURE = "skip_thought_signature_validator"
"""Stands, by Google's leave, for the signature of a call that another model made."""

_GO_ON = {"role": "user", "parts": [{"text": "(The conversation goes on.)"}]}


def request_body(request: ChatRequest) -> JsonObject:
    """The JSON body of a generateContent request; model and streaming are in its address."""
    config = request.config
    body: JsonObject = {
        "systemInstruction": _system(request.messages),
        "contents": _contents(request.messages, config),
        "generationConfig": _generation(request),
    }
    if request.tools:
        body["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in request.tools]}]
        body["toolConfig"] = {"functionCallingConfig": _tool_choice(request.tool_choice)}
    return {name: value for name, value in body.items() if value is not None}


def _generation(request: ChatRequest) -> JsonObject:
    config = request.config
    values = {
        "temperature": config.get("temperature"),
        "maxOutputTokens": config.get("max_tokens"),
        "frequencyPenalty": config.get("frequency_penalty"),
        "thinkingConfig": thinking_config(config),
        **_format(request),
    }
    return {name: value for name, value in values.items() if value is not None}


def _format(request: ChatRequest) -> JsonObject:
    wanted = request.response_format or request.config.get("response_format")
    if not wanted or wanted["type"] == "text":
        return {}
    if request.tools and not formats_beside_tools(str(request.config["model"])):
        return {}
    schema = wanted["json_schema"].get("schema") if wanted["type"] == "json_schema" else None
    return {"responseMimeType": "application/json", "responseJsonSchema": for_gemini(schema) if schema else None}


def _declaration(tool: JsonObject) -> JsonObject:
    declared = {name: tool[name] for name in ("name", "description") if tool.get(name)}
    parameters = tool.get("parameters") or {}
    return declared | {"parametersJsonSchema": for_gemini(parameters)} if parameters.get("properties") else declared


def _tool_choice(choice: str | None) -> JsonObject:
    match choice:
        case None | "auto":
            return {"mode": "AUTO"}
        case "none":
            return {"mode": "NONE"}
        case "required":
            return {"mode": "ANY"}
    return {"mode": "ANY", "allowedFunctionNames": [choice]}


def _system(messages: Sequence[Message]) -> JsonObject | None:
    first = messages[0] if messages else None
    if first is None or first.role != "system" or not first.text:
        return None
    return {"parts": [{"text": first.text}]}


def _contents(messages: Sequence[Message], config: JsonObject) -> list[JsonObject]:
    """The conversation, which has to begin and to end with the user.

    What the model said in a row is one content, and so are all returns of its calls; those may not stand together with
    anything else.
    """
    contents: list[JsonObject] = []
    before: str | None = None
    for index, message in enumerate(messages):
        if index == 0 and message.role == "system":
            continue
        side = _side(message)
        parts = list(_parts(message, config))
        if parts and side == before and side != "user":
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": "model" if side == "model" else "user", "parts": parts})
            before = side
    if signs_calls(str(config["model"])):
        _sign(contents)
    if not contents or contents[0]["role"] != "user":
        contents.insert(0, _GO_ON)
    return contents if contents[-1]["role"] == "user" else [*contents, _GO_ON]


def _side(message: Message) -> str:
    match message.role:
        case "assistant" | "approval":
            return "model"
        case "tool":
            return "tool"
    return "user"


def _sign(contents: Iterable[JsonObject]) -> None:
    for content in contents:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and "thoughtSignature" not in calls[0]:
            calls[0]["thoughtSignature"] = _NO_SIGNATURE


def _parts(message: Message, config: JsonObject) -> Iterator[JsonObject]:
    match message.role:
        case "system":
            yield {"text": f"<system>\n{message.text}\n</system>"}
        case "user" | "summary":
            yield from _user(message)
        case "tool":
            for returned in message.tool_returns or ():
                yield {"functionResponse": _response(returned, message)}
        case "assistant" | "approval" if message.approvals is None:
            yield from _model(message, own=is_own(message, config))


def _user(message: Message) -> Iterator[JsonObject]:
    for part in message.content:
        if part["type"] == "text" and part["text"]:
            yield {"text": part["text"]}
        elif part["type"] == "image":
            yield _image(part["source"])


def _image(source: JsonObject) -> JsonObject:
    data = image_data(source)
    if data is None:
        return {"fileData": {"fileUri": source["url"]}}
    return {"inlineData": {"mimeType": data[0], "data": data[1]}}


def _response(returned: JsonObject, message: Message) -> JsonObject:
    envelope = tool_envelope(returned, message)
    return {"id": returned["tool_call_id"], "name": returned.get("name") or "tool", "response": envelope}


def _model(message: Message, *, own: bool) -> Iterator[JsonObject]:
    for part in message.content:
        match part["type"]:
            case "text" if part["text"]:
                yield _signed({"text": part["text"]}, part, own=own)
            case "reasoning" if own and part["reasoning"]:
                yield _signed({"text": part["reasoning"], "thought": True}, part, own=own)
    for call in message.tool_calls or ():
        function = {"id": call["id"], "name": call["name"], "args": arguments_of(call)}
        yield _signed({"functionCall": function}, call, own=own)


def _signed(wire: JsonObject, stored: JsonObject, *, own: bool) -> JsonObject:
    signature = stored.get("signature")
    return wire | {"thoughtSignature": signature} if own and signature else wire
