"""Chat completions of OpenAI and all that is compatible with it, through the official SDK's raw requests."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import openai
from openai import AsyncOpenAI, AsyncStream

from letta.llm.chat import ChatRequest, ChatResult, Delta, Usage
from letta.llm.errors import (
    ContextOverflowError,
    LlmAuthenticationError,
    LlmBadRequestError,
    LlmConnectionError,
    LlmEmptyResponseError,
    LlmError,
    LlmInsufficientCreditsError,
    LlmRateLimitError,
    LlmTimeoutError,
)
from letta.llm.openai_messages import request_body
from letta.llm.provider import Provider
from letta.settings import settings

JsonObject = dict[str, Any]

_PATH = "/chat/completions"
_NO_KEY = "none"
_OVERFLOW = (
    "context_length_exceeded",
    "maximum context length",
    "context window",
    "prompt is too long",
    "too many tokens",
)

_clients: dict[tuple[str, str], AsyncOpenAI] = {}


async def chat(request: ChatRequest, provider: Provider) -> AsyncIterator[Delta | ChatResult]:
    """Call the model; see `letta.llm.chat.chat`."""
    body = request_body(request)
    client = _client(provider)
    try:
        if not request.stream:
            response = await client.post(_PATH, body=body, cast_to=object, options=_whole())
            yield _result(body, _as_object(response))
            return
        stream = await client.post(
            _PATH, body=body, cast_to=object, stream=True, stream_cls=AsyncStream[object], options=_streamed()
        )
        answer = _StreamedAnswer()
        async for chunk in stream:
            for delta in answer.add(_as_object(chunk)):
                yield delta
        yield answer.result(body)
    except openai.OpenAIError as error:
        raise to_llm_error(error) from error
    except httpx2.HTTPError as error:
        cause = type(error).__name__
        raise LlmConnectionError(f"The connection to the provider broke off ({cause}). Try again.") from error
    except ValueError as error:
        raise LlmEmptyResponseError("The provider sent something that is no JSON. Check its base URL.") from error


def _whole() -> Any:
    return {"timeout": settings.llm_request_timeout_seconds}


def _streamed() -> Any:
    return {"timeout": settings.llm_stream_timeout_seconds}


def _client(provider: Provider) -> AsyncOpenAI:
    key = provider.api_key.get_secret_value() if provider.api_key else _NO_KEY
    client = _clients.get((provider.base_url, key))
    if client is None:
        client = AsyncOpenAI(api_key=key, base_url=provider.base_url, max_retries=settings.llm_max_retries)
        _clients[provider.base_url, key] = client
    return client


def _as_object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise LlmEmptyResponseError("The answer is no JSON object. Check that the base URL is that of a chat API.")
    if value.get("error"):
        raise LlmError(f"The provider reported an error: {_error_text(value['error'])}")
    return value


def _error_text(error: Any) -> str:
    return str(error.get("message") or error) if isinstance(error, dict) else str(error)


def _result(body: JsonObject, response: JsonObject) -> ChatResult:
    choices = response.get("choices")
    if not choices:
        raise LlmEmptyResponseError("The answer holds no choice.")
    message = choices[0].get("message") or {}
    calls = [_call(call) for call in message.get("tool_calls") or ()]
    return ChatResult(
        content=_content(message.get("reasoning_content") or message.get("reasoning"), message.get("content")),
        tool_calls=calls,
        finish_reason=choices[0].get("finish_reason") or "stop",
        usage=_usage(response.get("usage") or {}, details=0),
        request=body,
        response=response,
    )


def _call(call: JsonObject) -> JsonObject:
    function = call.get("function") or {}
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    return {"id": call.get("id") or "", "name": name, "arguments": arguments}


def _content(reasoning: str | None, text: str | None) -> list[JsonObject]:
    parts: list[JsonObject] = []
    if reasoning:
        parts.append({"type": "reasoning", "is_native": True, "reasoning": reasoning, "signature": None})
    if text:
        parts.append({"type": "text", "text": text, "signature": None})
    return parts


def _usage(usage: JsonObject, *, details: int | None) -> Usage:
    prompt = usage.get("prompt_tokens_details") or {}
    completion = usage.get("completion_tokens_details") or {}
    prompt_tokens = usage.get("prompt_tokens") or 0
    completion_tokens = usage.get("completion_tokens") or 0
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=usage.get("total_tokens") or prompt_tokens + completion_tokens,
        cached_input_tokens=prompt.get("cached_tokens", details),
        cache_write_tokens=details,
        reasoning_tokens=completion.get("reasoning_tokens", details),
    )


class _StreamedAnswer:
    """Collects chunks into a whole answer."""

    def __init__(self) -> None:
        self._reasoning: list[str] = []
        self._text: list[str] = []
        self._calls: dict[int, JsonObject] = {}
        self._finish_reason = "stop"
        self._usage: JsonObject = {}
        self._head: JsonObject = {}

    def add(self, chunk: JsonObject) -> list[Delta]:
        """Take in a chunk and return what it brought."""
        self._head = self._head or {name: chunk.get(name) for name in ("id", "created", "model")}
        self._usage = chunk.get("usage") or self._usage
        deltas: list[Delta] = []
        for choice in chunk.get("choices") or ():
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            deltas += self._add_delta(choice.get("delta") or {})
        return deltas

    def _add_delta(self, delta: JsonObject) -> list[Delta]:
        deltas: list[Delta] = []
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            self._reasoning.append(reasoning)
            deltas.append(Delta("reasoning", reasoning))
        if text := delta.get("content"):
            self._text.append(text)
            deltas.append(Delta("text", text))
        deltas += [self._add_call(piece) for piece in delta.get("tool_calls") or ()]
        return deltas

    def _add_call(self, piece: JsonObject) -> Delta:
        index = piece.get("index") or 0
        function = piece.get("function") or {}
        call = self._calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        call["id"] = call["id"] or piece.get("id") or ""
        name = function.get("name") if not call["name"] else None
        call["name"] = call["name"] or name or ""
        arguments = function.get("arguments") or ""
        call["arguments"] += arguments
        return Delta("tool_call", arguments, index, call["id"], name)

    def result(self, body: JsonObject) -> ChatResult:
        """The whole answer, once the stream has ended."""
        text, reasoning = "".join(self._text), "".join(self._reasoning)
        calls = [self._calls[index] for index in sorted(self._calls)]
        message: JsonObject = {"role": "assistant", "content": text or None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if calls:
            message["tool_calls"] = [
                {"id": call["id"], "type": "function", "function": {k: call[k] for k in ("name", "arguments")}}
                for call in calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason}
        return ChatResult(
            content=_content(reasoning, text),
            tool_calls=calls,
            finish_reason=self._finish_reason,
            usage=_usage(self._usage, details=None),
            request=body,
            response={**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage},
        )


def to_llm_error(error: openai.OpenAIError) -> LlmError:
    """The API's error for an error of the SDK."""
    if isinstance(error, openai.APITimeoutError):
        remedy = "Stream, or raise LETTA_LLM_REQUEST_TIMEOUT_SECONDS."
        return LlmTimeoutError(f"The provider did not answer in time. {remedy}")
    if isinstance(error, openai.APIConnectionError):
        cause = f": {error.__cause__}" if error.__cause__ else ""
        return LlmConnectionError(f"The provider can't be reached{cause}. Check its base URL and whether it is up.")
    if not isinstance(error, openai.APIStatusError):
        return LlmError(f"The call failed: {error}")
    text = f"The provider answered {error.status_code}: {_status_text(error)}"
    if error.status_code in {400, 413, 422} and any(mark in text.lower() for mark in _OVERFLOW):
        return ContextOverflowError(text)
    by_status: dict[int, type[LlmError]] = {
        400: LlmBadRequestError,
        401: LlmAuthenticationError,
        402: LlmInsufficientCreditsError,
        429: LlmRateLimitError,
        504: LlmTimeoutError,
    }
    return by_status.get(error.status_code, LlmError)(text)


def _status_text(error: openai.APIStatusError) -> str:
    body = error.body
    return _error_text(body) if body else error.message
