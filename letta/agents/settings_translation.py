"""Between ``model_settings``, as clients write them, and ``llm_config``, as it is stored.

Unlike on the former server, ``model_settings`` in answers are what ``llm_config`` says, whatever the provider.
"""

from collections.abc import Mapping
from typing import Any

from letta.agents.model_config import MAX_OUTPUT_TOKENS
from letta.agents.model_settings import ModelSettings
from letta.json_types import JsonObject

_ONLY_IF_SENT = {"max_output_tokens", "strict", "reasoning", "thinking", "thinking_config"}
_SAME_NAME = {
    "temperature",
    "parallel_tool_calls",
    "response_format",
    "strict",
    "effort",
    "verbosity",
    "tool_call_parser",
}


def with_settings(config: JsonObject, given: ModelSettings, *, fill: bool) -> JsonObject:
    """``config`` with a client's ``model_settings``.

    What the client left out takes its documented default when ``fill`` is set (as for a new agent), and stays as it is
    otherwise. The output limit, strictness and reasoning are never changed unless they were sent.
    """
    values = given.model_dump(exclude_unset=not fill)
    for name in _ONLY_IF_SENT - given.model_fields_set:
        values.pop(name, None)
    return config | _translated(values)


def _translated(values: Mapping[str, Any]) -> JsonObject:
    changes = {name: value for name, value in values.items() if name in _SAME_NAME}
    if "max_output_tokens" in values:
        changes["max_tokens"] = values["max_output_tokens"]
    if "response_schema" in values:
        changes["response_format"] = values["response_schema"]
    if effort := (values.get("reasoning") or {}).get("reasoning_effort"):
        changes["reasoning_effort"] = effort
    if thinking := values.get("thinking"):
        changes |= _thinking(thinking.get("type", "enabled") == "enabled", thinking.get("budget_tokens"))
    if thinking := values.get("thinking_config"):
        changes |= _thinking(thinking.get("include_thoughts", True), thinking.get("thinking_budget"))
    return changes


def _thinking(enabled: bool, budget: int | None) -> JsonObject:
    return {"enable_reasoner": enabled} | ({} if budget is None else {"max_reasoning_tokens": budget})


def settings_from(config: JsonObject) -> JsonObject:
    """The ``model_settings`` that say what ``llm_config`` holds, in the form of the model's provider."""
    provider = config["model_endpoint_type"]
    common = {
        "max_output_tokens": config.get("max_tokens") or MAX_OUTPUT_TOKENS,
        "parallel_tool_calls": bool(config.get("parallel_tool_calls")),
        "temperature": config["temperature"],
    }
    match provider:
        case "google_ai" | "google_vertex":
            own = {"thinking_config": _google_thinking(config), "response_schema": config.get("response_format")}
        case "anthropic":
            own = _anthropic_settings(config)
        case "zai":
            thinking = {"type": "enabled" if config.get("enable_reasoner") else "disabled"}
            own = {"thinking": thinking, "response_format": config.get("response_format")}
        case "chatgpt_oauth":
            own = {"reasoning": _reasoning(config)}
        case "baseten":
            own = {}
        case "azure" | "xai" | "groq" | "deepseek" | "together" | "bedrock" | "openrouter":
            own = {"response_format": config.get("response_format")}
        case _:
            return common | _openai_settings(config)
    return common | own | {"provider_type": provider}


def _openai_settings(config: JsonObject) -> JsonObject:
    provider = "sglang" if config["model_endpoint_type"] == "sglang" else "openai"
    own = {
        "provider_type": provider,
        "reasoning": _reasoning(config),
        "response_format": config.get("response_format"),
        "strict": config.get("strict", False),
    }
    return own | ({"tool_call_parser": config.get("tool_call_parser")} if provider == "sglang" else {})


def _reasoning(config: JsonObject) -> JsonObject:
    """Where no effort was chosen none is sent: then a reasoning model takes its own default, which is medium."""
    thinks = config.get("enable_reasoner") and not config.get("put_inner_thoughts_in_kwargs")
    return {"reasoning_effort": config.get("reasoning_effort") or ("medium" if thinks else "none")}


def _anthropic_settings(config: JsonObject) -> JsonObject:
    thinks = config.get("enable_reasoner") and not config.get("put_inner_thoughts_in_kwargs")
    return {
        "thinking": {
            "type": "enabled" if thinks else "disabled",
            "budget_tokens": config.get("max_reasoning_tokens") or 1024,
        },
        "response_format": config.get("response_format"),
        "verbosity": config.get("verbosity"),
        "effort": config.get("effort"),
        "strict": config.get("strict", False),
    }


def _google_thinking(config: JsonObject) -> JsonObject:
    thinks = config.get("enable_reasoner") and not config.get("put_inner_thoughts_in_kwargs")
    return {"include_thoughts": bool(thinks), "thinking_budget": config.get("max_reasoning_tokens") or 1024}
