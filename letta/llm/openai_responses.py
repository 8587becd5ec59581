"""OpenAI's Responses API, which its reasoning models are called by, through the official SDK's raw requests."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import openai

from letta.json_types import JsonObject
from letta.llm import openai_chat
from letta.llm.chat import ChatRequest, ChatResult, Delta
from letta.llm.content import text_part
from letta.llm.errors import LlmEmptyResponseError, LlmError, error_for_status
from letta.llm.openai_client import FAILURES, sent, to_llm_error
from letta.llm.provider import Provider
from letta.llm.responses_items import request_body
from letta.llm.usage import Usage

_PATH = "/responses"
_MOST_TEXTS = 1000
_UNKNOWN_MODEL = "model_not_found"
_STATUS_OF_CODES = {"rate_limit_exceeded": 429, "server_error": 500}

_without_responses: set[str] = set()
"""Addresses of compatible services that have no Responses API."""


async def chat(request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]:
    """Call the model; see `letta.llm.chat.chat`. Services without this API are called by chat completions."""
    if provider.base_url not in _without_responses:
        try:
            async with aclosing(_chat(request, provider)) as items:
                async for item in items:
                    yield item
            return
        except _NoResponsesError:
            _without_responses.add(provider.base_url)
    async with aclosing(openai_chat.chat(request, provider)) as items:
        async for item in items:
            yield item


class _NoResponsesError(Exception):
    """There is nothing at the address."""


async def _chat(request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]:
    body = request_body(request)
    answer = _StreamedAnswer()
    try:
        async with aclosing(sent(_PATH, body, provider, stream=request.stream)) as received:
            async for piece in received:
                if not request.stream:
                    yield _result(body, piece)
                    return
                for delta in answer.add(piece):
                    yield delta
        yield _result(body, answer.response)
    except openai.NotFoundError as error:
        if error.code != _UNKNOWN_MODEL:
            raise _NoResponsesError from error
        raise to_llm_error(error, streamed=request.stream) from error
    except FAILURES as error:
        raise to_llm_error(error, streamed=request.stream) from error


class _StreamedAnswer:
    """Turns events into deltas, until the last one brings the whole answer."""

    def __init__(self) -> None:
        self._response: JsonObject | None = None
        self._calls: dict[int, tuple[int, str]] = {}

    @property
    def response(self) -> JsonObject:
        """The whole answer.

        Raises:
            LlmError: the stream ended without one.
        """
        if self._response is None:
            raise LlmError("The provider ended its answer before it was complete. Try again.")
        return self._response

    def add(self, event: JsonObject) -> list[Delta]:
        """Take in an event and return what it brought."""
        match event.get("type"):
            case "response.output_item.added":
                return self._begin(event)
            case "response.reasoning_summary_text.delta":
                return [Delta("reasoning", event["delta"], event["output_index"])]
            case "response.reasoning_summary_part.added" if event.get("summary_index"):
                return [Delta("reasoning", "\n", event["output_index"])]
            case "response.output_text.delta" | "response.refusal.delta":
                index = event["output_index"] * _MOST_TEXTS + event.get("content_index", 0)
                return [Delta("text", event["delta"], index)]
            case "response.function_call_arguments.delta":
                index, call_id = self._calls[event["output_index"]]
                return [Delta("tool_call", event["delta"], index, call_id)]
            case "response.completed" | "response.incomplete" | "response.failed":
                self._response = event["response"]
            case "error":
                raise _reported(event)
        return []

    def _begin(self, event: JsonObject) -> list[Delta]:
        item, place = event["item"], event["output_index"]
        match item.get("type"):
            case "reasoning":  # its summary may stay empty; it is shown all the same
                return [Delta("reasoning", "", place)]
            case "function_call":
                index = len(self._calls)
                self._calls[place] = (index, item["call_id"])
                return [Delta("tool_call", "", index, item["call_id"], item["name"])]
        return []


def _reported(error: JsonObject) -> LlmError:
    code = error.get("code") or "server_error"
    return error_for_status(_STATUS_OF_CODES.get(code, 400), error.get("message") or code, code)


def _result(body: JsonObject, response: JsonObject) -> ChatResult:
    if response.get("status") == "failed":
        raise _reported(response.get("error") or {})
    output = response.get("output")
    if not isinstance(output, list):
        raise LlmEmptyResponseError(
            "The provider's answer contains no output. Try again, or check the provider's base URL."
        )
    return ChatResult(
        content=[part for item in output for part in _parts(item)],
        tool_calls=[
            {"id": item["call_id"], "name": item["name"], "arguments": item["arguments"]}
            for item in output
            if item.get("type") == "function_call"
        ],
        finish_reason=_finish_reason(response),
        usage=_usage(response.get("usage") or {}),
        request=body,
        response=response,
    )


def _parts(item: JsonObject) -> list[JsonObject]:
    match item.get("type"):
        case "reasoning":
            return [_thought(item)]
        case "message":
            texts = [part.get("text") or part.get("refusal") or "" for part in item.get("content") or ()]
            return [text_part(text) for text in texts if text]
    return []


def _thought(item: JsonObject) -> JsonObject:
    return {
        "type": "summarized_reasoning",
        "id": item["id"],
        "summary": [
            {"index": index, "text": piece.get("text") or ""} for index, piece in enumerate(item.get("summary") or ())
        ],
        "encrypted_content": item.get("encrypted_content"),
    }


def _finish_reason(response: JsonObject) -> str:
    if response.get("status") != "incomplete":
        return "stop"
    reason = (response.get("incomplete_details") or {}).get("reason")
    return "length" if reason == "max_output_tokens" else str(reason)


def _usage(usage: JsonObject) -> Usage:
    read = usage.get("input_tokens_details") or {}
    written = usage.get("output_tokens_details") or {}
    prompt_tokens, completion_tokens = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=usage.get("total_tokens") or prompt_tokens + completion_tokens,
        cached_input_tokens=read.get("cached_tokens"),
        cache_write_tokens=read.get("cache_write_tokens"),
        reasoning_tokens=written.get("reasoning_tokens"),
    )
