"""Chat completions of OpenAI and all that is compatible with it, through the official SDK's raw requests."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest, ChatResult, Delta
from letta.llm.content import answer_parts, new_call_id
from letta.llm.errors import LlmEmptyResponseError
from letta.llm.openai_client import FAILURES, sent, to_llm_error
from letta.llm.openai_messages import request_body
from letta.llm.provider import Provider
from letta.llm.reasoning_details import merged, with_details
from letta.llm.usage import Usage

_PATH = "/chat/completions"


async def chat(request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]:
    """Call the model; see `letta.llm.chat.chat`."""
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
        yield answer.result(body)
    except FAILURES as error:
        raise to_llm_error(error, streamed=request.stream) from error


def _result(body: JsonObject, response: JsonObject) -> ChatResult:
    choices = response.get("choices")
    if not choices:
        raise LlmEmptyResponseError(
            "The provider's answer contains no choices. Try again, or check the provider's base URL."
        )
    message = choices[0].get("message") or {}
    parts = answer_parts(message.get("reasoning_content") or message.get("reasoning"), _text(message))
    return ChatResult(
        content=with_details(parts, message.get("reasoning_details") or []),
        tool_calls=[_call(call) for call in message.get("tool_calls") or ()],
        finish_reason=choices[0].get("finish_reason") or "stop",
        usage=_usage(response.get("usage") or {}, details=0),
        request=body,
        response=response,
    )


def _text(message: JsonObject) -> str | None:
    """What is said, or why nothing is."""
    return message.get("content") or message.get("refusal")


def _call(call: JsonObject) -> JsonObject:
    function = call.get("function") or {}
    name, arguments = function.get("name") or "", function.get("arguments") or ""
    return {"id": call.get("id") or new_call_id(), "name": name, "arguments": arguments}


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
        self._details: list[JsonObject] = []
        self._text: list[str] = []
        self._calls: dict[int, JsonObject] = {}
        self._finish_reason = "stop"
        self._usage: JsonObject = {}
        self._head: JsonObject = {}

    def add(self, chunk: JsonObject) -> list[Delta]:
        """Take in a chunk and return what it brought."""
        if not self._head and "choices" in chunk:
            self._head = {name: chunk.get(name) for name in ("id", "created", "model")}
        self._usage = chunk.get("usage") or self._usage
        deltas: list[Delta] = []
        for choice in chunk.get("choices") or ():
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
            deltas += self._add_delta(choice.get("delta") or {})
        return deltas

    def _add_delta(self, delta: JsonObject) -> list[Delta]:
        deltas: list[Delta] = []
        self._details += delta.get("reasoning_details") or ()
        if reasoning := delta.get("reasoning_content") or delta.get("reasoning"):
            self._reasoning.append(reasoning)
            deltas.append(Delta("reasoning", reasoning))
        if text := _text(delta):
            self._text.append(text)
            deltas.append(Delta("text", text))
        deltas += [self._add_call(piece) for piece in delta.get("tool_calls") or ()]
        return deltas

    def _add_call(self, piece: JsonObject) -> Delta:
        index = piece.get("index") or 0
        function = piece.get("function") or {}
        call = self._calls.setdefault(index, {"id": piece.get("id") or new_call_id(), "name": "", "arguments": ""})
        name = function.get("name") if not call["name"] else None
        call["name"] = call["name"] or name or ""
        arguments = function.get("arguments") or ""
        call["arguments"] += arguments
        return Delta("tool_call", arguments, index, call["id"], name)

    def result(self, body: JsonObject) -> ChatResult:
        """The whole answer, once the stream has ended.

        Raises:
            LlmEmptyResponseError: there was nothing in it.
        """
        if not self._head:
            raise LlmEmptyResponseError("The stream ended before any content arrived. Check the provider's base URL.")
        text, reasoning, details = "".join(self._text), "".join(self._reasoning), merged(self._details)
        calls = [self._calls[index] for index in sorted(self._calls)]
        message: JsonObject = {"role": "assistant", "content": text or None}
        if reasoning:
            message["reasoning_content"] = reasoning
        if details:
            message["reasoning_details"] = details
        if calls:
            message["tool_calls"] = [
                {"id": call["id"], "type": "function", "function": {k: call[k] for k in ("name", "arguments")}}
                for call in calls
            ]
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason}
        return ChatResult(
            content=with_details(answer_parts(reasoning, text), details),
            tool_calls=calls,
            finish_reason=self._finish_reason,
            usage=_usage(self._usage, details=None),
            request=body,
            response={**self._head, "object": "chat.completion", "choices": [choice], "usage": self._usage},
        )
