"""What a request of an OpenAI client brings that is new: such clients send everything each time; agents remember."""

from collections.abc import Sequence

from pydantic import ValidationError

from letta.completions.errors import OpenAIError
from letta.completions.schemas import AgentRequest, ChatCompletionRequest, ResponsesRequest
from letta.json_types import JsonObject
from letta.messages.schemas import (
    ClientTool,
    ClientToolReturn,
    ContentPart,
    ImageContent,
    ImageSource,
    InputMessage,
    MessageCreate,
    TextContent,
    ToolReturnCreate,
)

_INSTRUCTIONS = ("system", "developer")
_TEXTS = ("text", "input_text", "output_text")
_IMAGES = ("image_url", "input_image")


def check_chat(request: ChatCompletionRequest) -> None:
    """Refuse what changes the form of an answer into one that isn't offered.

    Raises:
        OpenAIError: something of that kind is asked for.
    """
    if (request.n or 1) != 1:
        raise OpenAIError("n: an agent gives only one answer. Leave out 'n'.", param="n")
    if request.logprobs:
        raise OpenAIError("logprobs: agents don't return log probabilities. Leave out 'logprobs'.", param="logprobs")
    if set(request.modalities or ()) - {"text"}:
        raise OpenAIError("modalities: agents answer with text only. Leave out 'modalities'.", param="modalities")
    _check_format(request.response_format, "response_format")


def check_response(request: ResponsesRequest) -> None:
    """As `check_chat`."""
    if request.prompt is not None:
        raise OpenAIError("prompt: stored prompts are not supported. Send 'input' instead.", param="prompt")
    if request.previous_response_id is not None and request.conversation is not None:
        raise OpenAIError(
            "previous_response_id and conversation are mutually exclusive. Send only one of them.",
            param="previous_response_id",
        )
    text_format = (request.text or {}).get("format")
    _check_format(text_format if isinstance(text_format, dict) else None, "text.format")


def _check_format(wanted: JsonObject | None, name: str) -> None:
    if wanted is not None and wanted.get("type", "text") != "text":
        raise OpenAIError(
            f"{name}: the format of an agent's answers is part of the agent's settings. Set the agent's "
            "response_format instead.",
            param=name,
        )


def said_in_chat(request: ChatCompletionRequest) -> list[InputMessage]:
    """What the user, or a function of the client, said since the last answer.

    Raises:
        OpenAIError: there is nothing, or it is of a kind that agents don't take.
    """
    new: list[JsonObject] = []
    for message in reversed(request.messages):
        if message.role == "assistant":
            break
        if message.role == "tool":
            new.insert(0, {"call_id": message.tool_call_id or "", "output": message.content})
        elif message.role == "user":
            new.insert(0, {"content": message.content})
    return _taken(new, "messages")


def said_in_response(request: ResponsesRequest) -> list[InputMessage]:
    """As `said_in_chat`, of the input of a response."""
    if isinstance(request.input, str):
        return [MessageCreate(role="user", content=request.input)]
    new: list[JsonObject] = []
    for item in reversed(request.input):
        if item.get("type") == "function_call_output":
            new.insert(0, {"call_id": str(item.get("call_id") or ""), "output": item.get("output")})
        elif item.get("role") == "user":
            new.insert(0, {"content": item.get("content")})
        elif item.get("role") not in _INSTRUCTIONS:
            break
    return _taken(new, "input")


def _taken(new: Sequence[JsonObject], param: str) -> list[InputMessage]:
    if not new:
        raise OpenAIError(f"{param} must end with a message of role 'user'.", param=param)
    returns = [
        ClientToolReturn(tool_call_id=item["call_id"], tool_return=_text(item["output"], param))
        for item in new
        if "call_id" in item
    ]
    said = [MessageCreate(role="user", content=_content(item["content"], param)) for item in new if "content" in item]
    return [*([ToolReturnCreate(type="tool_return", tool_returns=returns)] if returns else ()), *said]


def text_of(content: str | list[JsonObject] | None) -> str:
    """The text of a message's content."""
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if part.get("type") in _TEXTS)
    return content or ""


def _text(output: object, param: str) -> str:
    if isinstance(output, list):
        parts = _content(output, param)
        return "\n".join(part.text for part in parts if isinstance(part, TextContent))
    return output if isinstance(output, str) else ""


def _content(content: object, param: str) -> str | list[ContentPart]:
    if not isinstance(content, list):
        return content if isinstance(content, str) else ""
    return [_part(part, param) for part in content]


def _part(part: object, param: str) -> ContentPart:
    kind = part.get("type") if isinstance(part, dict) else None
    if not isinstance(part, dict) or kind not in (*_TEXTS, *_IMAGES):
        raise OpenAIError(
            f"{param}: content of type {str(kind)[:50]!r} is not supported. Send text, or images as image_url.",
            param=param,
        )
    try:
        if kind in _TEXTS:
            return TextContent(text=part.get("text") or "")
        return ImageContent(type="image", source=_image(part))
    except ValidationError:
        raise OpenAIError(
            f"{param}: a part of type {kind!r} is incomplete. Add its missing fields.", param=param
        ) from None


def _image(part: JsonObject) -> ImageSource:
    given = part.get("image_url")
    source = given if isinstance(given, dict) else {"url": given, "detail": part.get("detail")}
    return ImageSource(type="url", url=source.get("url"), detail=source.get("detail"))


def client_tools(request: AgentRequest) -> list[JsonObject]:
    """The functions that run at the client. Tools of other kinds are OpenAI's own, and left out.

    Raises:
        OpenAIError: one isn't described as a function.
    """
    if request.tool_choice == "none":
        return []
    described = [tool.get("function", tool) for tool in request.tools or () if tool.get("type") == "function"]
    try:
        return [ClientTool.model_validate(function).model_dump() for function in described]
    except ValidationError:
        raise OpenAIError(
            "tools: each function needs a name, and parameters as a JSON schema.", param="tools"
        ) from None
