"""One call of a chat model, the same for every provider."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any, Literal, Protocol, cast

from letta.database.text import storable
from letta.llm.provider import Provider
from letta.messages.message import Message

JsonObject = dict[str, Any]


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


@dataclass(slots=True)
class Usage:
    """Tokens of one call; None where the provider didn't say."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


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
    async with aclosing(adapter.chat(request, provider)) as items:
        async for item in items:
            yield _storable(item)


def _storable(item: Delta | ChatResult) -> Delta | ChatResult:
    """What the model said, without what neither the database nor a client could take."""
    if isinstance(item, Delta):
        return item if item.text.isascii() and "\0" not in item.text else replace(item, text=storable(item.text))
    item.content, item.tool_calls = storable(item.content), storable(item.tool_calls)
    return item


def _load(name: str) -> _Adapter:
    _loaded[name] = cast(_Adapter, import_module(f"{_PACKAGE}.{name}"))
    return _loaded[name]


def request_body(request: ChatRequest) -> JsonObject:
    """The body that `chat` would send."""
    config = request.config
    name = _modules(config.get("model_endpoint_type") or "openai", str(config["model"]))[1]
    return cast(_Bodies, import_module(f"{_PACKAGE}.{name}")).request_body(request)
