"""What Anthropic's API refuses, as far as a client can get it wrong.

Source: https://platform.claude.com/docs/en/api/messages, https://platform.claude.com/docs/en/build-with-claude/thinking,
https://platform.claude.com/docs/en/build-with-claude/preserved-thinking
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from letta.testing.model.pieces import sign

_ID = re.compile(r"[a-zA-Z0-9_-]+")
_BINDING_BETA = "thinking-binding-controls-2026-08-01"
_MOST_CACHE_MARKS = 4
_THINKING = {"thinking", "redacted_thinking"}


def binds(model: str) -> bool:
    """Whether a model of this name ties its thoughts to what stood before them, and can't be kept from thinking."""
    return "5-5" in model


def prefix_of(body: Any, count: int) -> str:
    """What a thought behind that many messages is tied to."""
    bare = [[message["role"], _bare(message["content"])] for message in body["messages"][:count]]
    return sign(body.get("system"), body.get("tools"), bare)


def _bare(content: Any) -> Any:
    """A message without thoughts and marks for the cache, which move."""
    if not isinstance(content, list):
        return content
    kept = [block for block in content if block["type"] not in _THINKING]
    return [{name: value for name, value in block.items() if name != "cache_control"} for block in kept]


def objection_to(body: Any, beta: str) -> str | None:
    """What is wrong with a request, in the API's words."""
    return next(_objections(body, beta), None)


def _objections(body: Any, beta: str) -> Iterator[str]:
    if not isinstance(body.get("max_tokens"), int):
        yield "max_tokens: Field required"
    messages = body.get("messages")
    if not messages:
        yield "messages: at least one message is required"
        return
    if messages[0]["role"] != "user":
        yield 'messages: first message must use the "user" role'
    if messages[-1]["role"] != "user":
        yield "This model does not support assistant message prefill. The conversation must end with a user message."
    if json.dumps(body).count('"cache_control"') > _MOST_CACHE_MARKS:
        yield "A maximum of 4 blocks with cache_control may be provided."
    yield from _about_settings(body)
    used = [block["id"] for message in messages for block in _blocks(message) if block["type"] == "tool_use"]
    if len(set(used)) < len(used):
        yield "messages: `tool_use` ids must be unique"
    for index, message in enumerate(messages):
        yield from _about_message(index, message, messages)
    yield from _about_thoughts(body, beta)


def _about_settings(body: Any) -> Iterator[str]:
    thinking, choice = body.get("thinking") or {"type": "disabled"}, (body.get("tool_choice") or {}).get("type")
    bound = binds(body["model"])
    if bound and thinking["type"] in {"enabled", "disabled"} and body.get("thinking"):
        yield f'"thinking.type.{thinking["type"]}" is not supported for this model.'
    if bound and choice in {"any", "tool"}:
        yield "tool_choice: forced tool use is not supported for this model."
    if body.get("temperature") is not None and (bound or thinking["type"] == "enabled"):
        yield "`temperature` is not supported here."
    if thinking["type"] == "enabled":
        if not 1024 <= thinking["budget_tokens"] < body["max_tokens"]:
            yield "`max_tokens` must be greater than `thinking.budget_tokens`, which is at least 1024."
        if choice in {"any", "tool"}:
            yield "Thinking may not be enabled when tool_choice forces tool use."
    if any('"tool_use"' in json.dumps(message) for message in body["messages"]) and not body.get("tools"):
        yield "Requests which include `tool_use` or `tool_result` blocks must define tools."


def _blocks(message: Any) -> list[Any]:
    return message["content"] if isinstance(message["content"], list) else []


def _about_message(index: int, message: Any, messages: Any) -> Iterator[str]:
    blocks = _blocks(message)
    for place, block in enumerate(blocks):
        if block["type"] == "text" and not block["text"].strip():
            yield f"messages.{index}.content.{place}: text content blocks must contain non-whitespace text"
    called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    if not all(_ID.fullmatch(call_id) for call_id in called):
        yield f"messages.{index}: tool_use ids: String should match pattern '^[a-zA-Z0-9_-]+$'"
    following = messages[index + 1]["content"] if index + 1 < len(messages) else []
    answered = _answered(following)
    if called and sorted(answered[: len(called)]) != sorted(called):
        yield (
            f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after. Each "
            "`tool_use` block must have a corresponding `tool_result` block in the next message."
        )
    if set(answered) - set(called):
        yield f"messages.{index + 1}: unexpected `tool_use_id` found in `tool_result` blocks."


def _answered(content: Any) -> list[str]:
    """The ids of the results that a message begins with, and of those elsewhere behind them."""
    blocks = content if isinstance(content, list) else []
    leading = next((place for place, block in enumerate(blocks) if block["type"] != "tool_result"), len(blocks))
    later = [block["tool_use_id"] for block in blocks[leading:] if block["type"] == "tool_result"]
    return [block["tool_use_id"] for block in blocks[:leading]] + [f"misplaced {call_id}" for call_id in later]


def _about_thoughts(body: Any, beta: str) -> Iterator[str]:
    binding = (body.get("thinking") or {}).get("block_binding")
    if binding is not None and _BINDING_BETA not in beta:
        yield "thinking.block_binding: Extra inputs are not permitted"
    if (body.get("thinking") or {}).get("type") == "enabled" and _began_without_thoughts(body["messages"]):
        yield "Expected `thinking` or `redacted_thinking`, but found something else. The calls began without thinking."
    dropped = (binding or {}).get("prefix_mismatch_behavior") == "drop_block"
    for index, message in enumerate(body["messages"]):
        for place, block in enumerate(_blocks(message)):
            if block["type"] == "thinking":
                yield from _about_thought(body, index, f"messages.{index}.content.{place}", block, dropped=dropped)


def _began_without_thoughts(messages: Any) -> bool:
    """Whether the model is in the middle of calls, and its part of the conversation doesn't begin with a thought."""
    last = messages[-1]["content"]
    if len(messages) < 2 or not isinstance(last, list) or last[0]["type"] != "tool_result":
        return False
    return bool(messages[-2]["content"][0]["type"] not in _THINKING)


def _about_thought(body: Any, index: int, where: str, block: Any, *, dropped: bool) -> Iterator[str]:
    proof, _, prefix = block["signature"].partition(".")
    if proof != sign(body["model"], block["thinking"]):
        yield f"{where}: Invalid `signature` in `thinking` block"
    if prefix and not dropped and prefix != prefix_of(body, index):
        yield f"{where}: Invalid `signature` in `thinking` block. The block is bound to a different conversation."
