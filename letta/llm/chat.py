"""One call of a chat model, the same for every provider."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Literal

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
    """A piece of an answer. For calls, ``index`` tells them apart; id and name come with a call's first piece."""

    kind: Literal["reasoning", "text", "tool_call"]
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


def chat(request: ChatRequest, provider: Provider) -> AsyncIterator[Delta | ChatResult]:
    """Call the model: the deltas of the answer if they were asked for, and the whole answer last.

    Raises:
        LlmError: the provider failed, after the usual repetitions.
    """
    from letta.llm import openai_chat

    return openai_chat.chat(request, provider)


def request_body(request: ChatRequest) -> JsonObject:
    """The body that `chat` would send."""
    from letta.llm import openai_messages

    return openai_messages.request_body(request)
