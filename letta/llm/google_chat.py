"""Google's Gemini API by API key (https://ai.google.dev/api/generate-content)."""

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from urllib.parse import quote

from letta.json_types import JsonObject
from letta.llm.chat import ChatRequest, ChatResult, Delta
from letta.llm.content import new_call_id, reasoning_part, text_part
from letta.llm.deadline import Deadline
from letta.llm.errors import LlmBadRequestError, LlmEmptyResponseError, LlmError
from letta.llm.google_client import as_object, client_of, to_llm_error
from letta.llm.google_contents import request_body
from letta.llm.provider import Provider
from letta.llm.rest import RefusedError
from letta.llm.usage import Usage
from letta.settings import settings

logger = logging.getLogger(__name__)

_FINISH_REASONS = {"STOP": "stop", "MAX_TOKENS": "length"}
_SPOILED = {"MALFORMED_FUNCTION_CALL", "MALFORMED_RESPONSE", "UNEXPECTED_TOOL_CALL"}


async def chat(request: ChatRequest, provider: Provider) -> AsyncGenerator[Delta | ChatResult]:
    """Call the model; see `letta.llm.chat.chat`. An answer that Gemini itself calls spoiled is asked for again."""
    body = request_body(request)
    client, model = client_of(provider), quote(str(request.config["model"]), safe="")
    for attempt in range(settings.llm_max_retries + 1):
        answer = _Answer()
        try:
            if request.stream:
                deadline = Deadline()
                async with aclosing(client.stream(f"{_path(model)}:streamGenerateContent?alt=sse", body)) as chunks:
                    async for chunk in chunks:
                        deadline.check()
                        for delta in answer.add(as_object(chunk)):
                            yield delta
            else:
                answer.add(as_object(await client.post(f"{_path(model)}:generateContent", body)))
        except RefusedError as error:
            raise to_llm_error(error) from error
        if not answer.is_spoiled or attempt == settings.llm_max_retries:
            break
        logger.info("asking %s again, because its answer was unusable (%s)", model, answer.finish_reason)
    yield answer.result(body)


def _path(model: str) -> str:
    return f"/v1beta/models/{model}"


class _Answer:
    """Collects chunks into a whole answer; an unstreamed answer is a single chunk."""

    def __init__(self) -> None:
        self._parts: list[JsonObject] = []
        self._calls: list[JsonObject] = []
        self._usage: JsonObject = {}
        self._feedback: JsonObject = {}
        self._head: JsonObject = {}
        self.finish_reason: str | None = None
        self._finish_message: str | None = None

    def add(self, chunk: JsonObject) -> list[Delta]:
        """Take in a chunk and return what it brought."""
        self._head |= {name: chunk[name] for name in ("modelVersion", "responseId") if name in chunk}
        self._usage = chunk.get("usageMetadata") or self._usage
        self._feedback = chunk.get("promptFeedback") or self._feedback
        deltas: list[Delta] = []
        for candidate in (chunk.get("candidates") or ())[:1]:
            self.finish_reason = candidate.get("finishReason") or self.finish_reason
            self._finish_message = candidate.get("finishMessage") or self._finish_message
            for part in (candidate.get("content") or {}).get("parts") or ():
                deltas += self._add_part(part)
        return deltas

    def _add_part(self, part: JsonObject) -> list[Delta]:
        signature = part.get("thoughtSignature")
        if function := part.get("functionCall"):
            return [self._add_call(function, signature)]
        text = part.get("text")
        if text is None:
            return []
        thought = bool(part.get("thought"))
        self._add_text(text, signature, thought=thought)
        return [Delta("reasoning" if thought else "text", text, len(self._parts) - 1)] if text else []

    def _add_call(self, function: JsonObject, signature: str | None) -> Delta:
        arguments = json.dumps(function.get("args") or {}, ensure_ascii=False)
        call = {"id": function.get("id") or new_call_id(), "name": function["name"], "arguments": arguments}
        self._calls.append(call | ({"signature": signature} if signature else {}))
        return Delta("tool_call", arguments, len(self._calls) - 1, call["id"], call["name"])

    def _add_text(self, text: str, signature: str | None, *, thought: bool) -> None:
        """Pieces of one part come apart, the signature with the last; signed parts are never joined with others."""
        last = self._parts[-1] if self._parts else None
        field = "reasoning" if thought else "text"
        if last is not None and last["type"] == field and not last["signature"]:
            last[field] += text
            last["signature"] = signature
        elif text:
            self._parts.append(reasoning_part(text, signature) if thought else text_part(text, signature))

    @property
    def is_spoiled(self) -> bool:
        """Whether there is nothing in it, for a reason that may not come up again."""
        return not self._parts and not self._calls and self.finish_reason in _SPOILED

    def result(self, body: JsonObject) -> ChatResult:
        """The whole answer.

        Raises:
            LlmError: there is none.
        """
        if not self._parts and not self._calls:
            self._raise_if_refused()
        elif self.finish_reason is None:
            raise LlmError("The provider ended its answer before it was complete. Try again.")
        return ChatResult(
            content=self._parts,
            tool_calls=self._calls,
            finish_reason=_FINISH_REASONS.get(self.finish_reason or "", "content_filter"),
            usage=_usage(self._usage),
            request=body,
            response=self._response(),
        )

    def _raise_if_refused(self) -> None:
        if reason := self._feedback.get("blockReason"):
            raise LlmBadRequestError(f"The model refused to process the conversation ({reason}). Rephrase the request.")
        if self.finish_reason not in _FINISH_REASONS:
            why = self._finish_message or self.finish_reason or "no reason given"
            raise LlmEmptyResponseError(f"The model gave no answer ({why}). Try again, or rephrase the request.")

    def _response(self) -> JsonObject:
        """The answer as it would be unstreamed, for the record."""
        parts: list[JsonObject] = [
            {"text": part["reasoning"], "thought": True} if part["type"] == "reasoning" else {"text": part["text"]}
            for part in self._parts
        ]
        parts += [
            {"functionCall": {"name": call["name"], "args": json.loads(call["arguments"])}} for call in self._calls
        ]
        candidate = {"content": {"role": "model", "parts": parts}, "finishReason": self.finish_reason}
        return self._head | {"candidates": [candidate], "usageMetadata": self._usage}


def _usage(usage: JsonObject) -> Usage:
    thought = usage.get("thoughtsTokenCount")
    prompt_tokens = (usage.get("promptTokenCount") or 0) + (usage.get("toolUsePromptTokenCount") or 0)
    completion_tokens = (usage.get("candidatesTokenCount") or 0) + (thought or 0)
    return Usage(
        prompt_tokens=prompt_tokens,
        completion_tokens=completion_tokens,
        total_tokens=usage.get("totalTokenCount") or prompt_tokens + completion_tokens,
        cached_input_tokens=usage.get("cachedContentTokenCount"),
        reasoning_tokens=thought,
    )
