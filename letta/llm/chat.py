"""One call of a chat model, the same for every provider."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, fields, replace
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from letta.database.text import storable
from letta.json_types import JsonObject
from letta.llm.errors import LlmError, malformed
from letta.llm.measuring import ModelCall
from letta.llm.provider import Provider
from letta.llm.usage import Usage
from letta.messages.message import Message

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What is asked of a model.

    Attributes:
        config: the agent's ``llm_config``.
        messages: the context, system message first.
        tools: ``{"name", "description", "parameters"}`` each.
        tool_choice: ``auto``, ``required``, or the name of the one tool to call; None without tools.
        stream: whether pieces are wanted as they come.
    """

    config: JsonObject
    messages: list[Message]
    tools: list[JsonObject]
    tool_choice: str | None = None
    parallel_tool_calls: bool = False
    response_format: JsonObject | None = None
    user: str | None = None
    stream: bool = False


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of an answer. ``index`` tells calls apart, and other parts of the same kind; a call's id and name come
    with its first piece. Thoughts that can't be read, redacted or omitted ones, come in one piece."""

    kind: Literal["reasoning", "redacted", "omitted", "text", "tool_call"]
    text: str
    index: int = 0
    call_id: str | None = None
    name: str | None = None


@dataclass(slots=True)
class ChatResult:
    """A whole answer, and the exchange as it went over the wire."""

    content: list[JsonObject] = field(default_factory=list)
    tool_calls: list[JsonObject] = field(default_factory=list)
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    request: JsonObject = field(default_factory=dict)
    response: JsonObject = field(default_factory=dict)


class _Adapter(Protocol):
    def chat(self, request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]: ...


class _Bodies(Protocol):
    def request_body(self, request: ChatRequest) -> JsonObject: ...


REASONING_MODELS = ("o1", "o3", "o4", "gpt-5")
"""How the names of OpenAI's reasoning models begin."""

_PACKAGE = "letta.llm"
_ADAPTERS = {
    "anthropic": ("anthropic_chat", "anthropic_messages"),
    "google_ai": ("google_chat", "google_contents"),
    "openai_responses": ("openai_responses", "responses_items"),
}
_COMPATIBLE = ("openai_chat", "openai_messages")

_COUNTS = [field.name for field in fields(Usage)]
_MOST_TOKENS = 2**31

_loaded: dict[str, _Adapter] = {}


def _modules(service: str, model: str) -> tuple[str, str]:
    """The modules that call a service's models, and that write its requests."""
    if service == "openai" and model.startswith(REASONING_MODELS):
        service = "openai_responses"
    return _ADAPTERS.get(service, _COMPATIBLE)


async def chat(request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]:
    """Call the model: the deltas of the answer if they were asked for, and the whole answer last.

    Raises:
        LlmError: the provider failed, after the usual repetitions.
    """
    name = _modules(provider.type, str(request.config["model"]))[0]
    # Providers' SDKs take up to seconds to load; meanwhile the process shall do other things.
    adapter = _loaded.get(name)
    if adapter is None:
        adapter = await asyncio.to_thread(_load, name)
    call = ModelCall(provider.figure_name, str(request.config["model"]), streamed=request.stream)
    try:
        async with aclosing(adapter.chat(request, provider)) as items:
            async for item in items:
                sound = _sound(item)
                if isinstance(sound, ChatResult):
                    call.answered(sound.usage)
                yield sound
    except LlmError as error:
        call.failed(error.type)
        raise
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError) as error:
        # Adapters read answers as providers document them, without looking at every part before.
        logger.warning("an answer from %s could not be understood", provider.name, exc_info=True)
        call.failed("malformed")
        raise malformed(type(error).__name__) from error
    finally:
        call.end()


def _sound(item: Delta | ChatResult) -> Delta | ChatResult:
    """What the model said, without what neither the database nor a client could take."""
    if isinstance(item, Delta):
        if not isinstance(item.index, int) or not all(isinstance(p, str | None) for p in (item.call_id, item.name)):
            raise malformed("a part of a tool call has an unexpected type")
        return item if item.text.isascii() and "\0" not in item.text else replace(item, text=storable(item.text))
    item.content, item.tool_calls = storable(item.content), storable(item.tool_calls)
    for call in item.tool_calls:
        if not all(isinstance(call[part], str) for part in ("id", "name", "arguments")):
            raise malformed("a part of a tool call is not text")
    if not all(isinstance(text, str) for part in item.content for text in _texts(part)):
        raise malformed("a part of the content is not text")
    if not isinstance(item.finish_reason, str):
        item.finish_reason = "stop"
    item.finish_reason = storable(item.finish_reason)
    for name in _COUNTS:
        if not _is_count(getattr(item.usage, name)):
            setattr(item.usage, name, 0)
    return item


def _texts(part: JsonObject) -> list[Any]:
    return [part[name] for name in ("text", "reasoning") if name in part]


def _is_count(value: object) -> bool:
    """Whether it is a number of tokens, or None; what a provider makes up else isn't worth a failed turn."""
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS)


def _load(name: str) -> _Adapter:
    _loaded[name] = cast(_Adapter, import_module(f"{_PACKAGE}.{name}"))
    return _loaded[name]


def request_body(request: ChatRequest) -> JsonObject:
    """The body that `chat` would send."""
    config = request.config
    name = _modules(config.get("model_endpoint_type") or "openai", str(config["model"]))[1]
    return cast(_Bodies, import_module(f"{_PACKAGE}.{name}")).request_body(request)
