"""Anthropic's Messages API, through the official SDK's raw requests."""

import json
from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import httpx2
from anthropic import AsyncAnthropic, AsyncStream, DefaultAsyncHttpxClient

from letta.json_types import JsonObject
from letta.llm import errors
from letta.llm.anthropic_messages import request_body, without_thoughts
from letta.llm.bounded import http_options
from letta.llm.chat import ChatRequest, ChatResult, Delta
from letta.llm.clients import CONNECT_SECONDS, ClientCache
from letta.llm.content import reasoning_part, text_part
from letta.llm.deadline import Deadline
from letta.llm.errors import LlmEmptyResponseError, LlmError
from letta.llm.provider import Provider
from letta.llm.usage import Usage
from letta.settings import settings

_PATH = "/v1/messages"
_NO_KEY = "none"
_BINDING_BETA = "thinking-binding-controls-2026-08-01"
_FAILURES = (anthropic.AnthropicError, httpx2.HTTPError, ValueError)
_STALE_THOUGHTS = ("`signature` in `thinking`", "`redacted_thinking` blocks")
_FINISH_REASONS = {
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}


def _make(provider: Provider) -> AsyncAnthropic:
    key = provider.api_key.get_secret_value() if provider.api_key else _NO_KEY
    url = provider.base_url.removesuffix("/v1")
    http = DefaultAsyncHttpxClient(**http_options(provider))
    return AsyncAnthropic(api_key=key, base_url=url, max_retries=settings.llm_max_retries, http_client=http)


_clients = ClientCache(_make)


async def chat(request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]:
    """Call the model; see `letta.llm.chat.chat`."""
    body = request_body(request)
    client = _clients.of(provider)
    try:
        if not request.stream:
            response, sent = await _post(client, body)
            yield _result(sent, _as_object(response))
            return
        deadline, answer = Deadline(), _StreamedAnswer()
        stream, sent = await _post(client, body)
        async with stream:
            async for event in stream:
                deadline.check()
                for delta in answer.add(_as_object(event)):
                    yield delta
        yield _result(sent, answer.message)
    except _FAILURES as error:
        raise _to_llm_error(error, streamed=request.stream) from error


async def _post(client: AsyncAnthropic, body: JsonObject) -> tuple[Any, JsonObject]:
    """The answer or its stream, and the body that was accepted in the end."""
    try:
        return await _post_once(client, body), body
    except anthropic.BadRequestError as error:
        if not any(mark in str(error) for mark in _STALE_THOUGHTS):
            raise
    # Compaction or an edit changed what stands before the thoughts; without them the conversation can go on.
    bare = without_thoughts(body)
    return await _post_once(client, bare), bare


async def _post_once(client: AsyncAnthropic, body: JsonObject) -> Any:
    options = _options(body)
    if body.get("stream"):
        return await client.post(
            _PATH, body=body, cast_to=object, stream=True, stream_cls=AsyncStream[object], options=options
        )
    return await client.post(_PATH, body=body, cast_to=object, options=options)


def _options(body: JsonObject) -> Any:
    seconds = settings.llm_stream_timeout_seconds if body.get("stream") else settings.llm_request_timeout_seconds
    options: JsonObject = {"timeout": httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))}
    if "block_binding" in body.get("thinking", {}):
        options["headers"] = {"anthropic-beta": _BINDING_BETA}
    return options


def _as_object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise LlmEmptyResponseError(
            "The provider's answer is not a JSON object. Check that ANTHROPIC_BASE_URL, or the provider's base_url, "
            "is that of Anthropic's API."
        )
    return value


class _StreamedAnswer:
    """Collects events into the message that an unstreamed answer would be."""

    def __init__(self) -> None:
        self._message: JsonObject = {}
        self._blocks: dict[int, JsonObject] = {}
        self._calls: dict[int, int] = {}
        self._complete = False

    def add(self, event: JsonObject) -> list[Delta]:
        """Take in an event and return what it brought."""
        match event.get("type"):
            case "message_start":
                self._message = dict(event["message"])
            case "content_block_start":
                return self._begin(event["index"], dict(event["content_block"]))
            case "content_block_delta":
                return self._grow(event["index"], event["delta"])
            case "content_block_stop":
                block = self._blocks[event["index"]]
                if block["type"] == "thinking" and not block["thinking"]:
                    return [Delta("omitted", "", event["index"])]
            case "message_delta":
                self._message |= {name: value for name, value in event["delta"].items() if value is not None}
                counted = {name: value for name, value in event.get("usage", {}).items() if value is not None}
                self._message["usage"] = self._message.get("usage", {}) | counted
            case "message_stop":
                self._complete = True
        return []

    def _begin(self, index: int, block: JsonObject) -> list[Delta]:
        self._blocks[index] = block
        match block["type"]:
            case "tool_use":
                block["input"] = ""
                self._calls[index] = len(self._calls)
                return [Delta("tool_call", "", self._calls[index], block["id"], block["name"])]
            case "redacted_thinking":
                return [Delta("redacted", block["data"], index)]
        return []

    def _grow(self, index: int, delta: JsonObject) -> list[Delta]:
        block = self._blocks[index]
        match delta["type"]:
            case "text_delta":
                block["text"] += delta["text"]
                return [Delta("text", delta["text"], index)]
            case "thinking_delta":
                block["thinking"] += delta["thinking"]
                return [Delta("reasoning", delta["thinking"], index)] if delta["thinking"] else []
            case "signature_delta":
                block["signature"] = block.get("signature", "") + delta["signature"]
            case "input_json_delta":
                block["input"] += delta["partial_json"]
                return [Delta("tool_call", delta["partial_json"], self._calls[index], block["id"])]
        return []

    @property
    def message(self) -> JsonObject:
        """The whole answer.

        Raises:
            LlmError: the stream ended before it was complete.
        """
        if not self._complete:
            raise LlmError("The provider ended its answer before it was complete. Try again.")
        return self._message | {"content": [self._blocks[index] for index in sorted(self._blocks)]}


def _result(body: JsonObject, message: JsonObject) -> ChatResult:
    blocks = message.get("content")
    if not isinstance(blocks, list):
        raise LlmEmptyResponseError(
            "The provider's answer contains no content. Try again, or check the provider's base URL."
        )
    if message.get("stop_reason") == "refusal" and not blocks:
        raise LlmError(f"The model declined to answer{_why(message)}. Rephrase the request, or choose another model.")
    return ChatResult(
        content=[part for block in blocks for part in _parts(block)],
        tool_calls=[_call(block) for block in blocks if block["type"] == "tool_use"],
        finish_reason=_FINISH_REASONS.get(message.get("stop_reason") or "", "stop"),
        usage=_usage(message.get("usage") or {}),
        request=body,
        response=message,
    )


def _why(message: JsonObject) -> str:
    category = (message.get("stop_details") or {}).get("category")
    return f" ({category})" if category else ""


def _parts(block: JsonObject) -> list[JsonObject]:
    match block["type"]:
        case "text" if block["text"]:
            return [text_part(block["text"])]
        case "thinking" if block["thinking"]:
            return [reasoning_part(block["thinking"], block.get("signature"))]
        case "thinking":
            return [{"type": "omitted_reasoning", "signature": block.get("signature")}]
        case "redacted_thinking":
            return [{"type": "redacted_reasoning", "data": block["data"]}]
    return []


def _call(block: JsonObject) -> JsonObject:
    given = block["input"]
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return {"id": block["id"], "name": block["name"], "arguments": arguments or "{}"}


def _usage(usage: JsonObject) -> Usage:
    read, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    prompt_tokens = (usage.get("input_tokens") or 0) + read + written  # the provider counts cached ones apart
    completion_tokens = usage.get("output_tokens") or 0
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=prompt_tokens + completion_tokens,
        cached_input_tokens=read,
        cache_write_tokens=written,
        reasoning_tokens=(usage.get("output_tokens_details") or {}).get("thinking_tokens"),
    )


def _to_llm_error(error: Exception, *, streamed: bool) -> LlmError:
    if isinstance(error, anthropic.APITimeoutError):
        return errors.timed_out(streamed=streamed)
    if isinstance(error, anthropic.APIStatusError):
        return _from_status(error)
    if isinstance(error, anthropic.APIConnectionError):
        return errors.connection_error(error.__cause__)
    if isinstance(error, httpx2.HTTPError):
        return errors.broken_off(error)
    if isinstance(error, anthropic.AnthropicError):
        return LlmError(f"The call failed: {error}")
    return errors.no_json()


def _from_status(error: anthropic.APIStatusError) -> LlmError:
    body = error.body if isinstance(error.body, dict) else {}
    reported = body.get("error")
    if not isinstance(reported, dict):
        return errors.error_for_status(error.status_code, error.message)
    kind, text = reported.get("type"), str(reported.get("message") or reported)
    if error.status_code != 200:
        return errors.error_for_status(error.status_code, text, kind)
    # An error in mid-stream comes with the status of the stream; its kind tells what it would have been.
    return errors.error_for_status(_STATUS_OF_KINDS.get(str(kind), 500), text, kind)


_STATUS_OF_KINDS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""Source: https://platform.claude.com/docs/en/api/errors"""
