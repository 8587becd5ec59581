"""Between model_settings and llm_config."""

from typing import Any

import pytest
from pydantic import TypeAdapter

from letta.agents.model_config import LLMConfig
from letta.agents.model_settings import ModelSettings
from letta.agents.settings_translation import settings_from, with_settings

ADAPTER: TypeAdapter[Any] = TypeAdapter(ModelSettings)
PROVIDERS = [
    "openai",
    "sglang",
    "anthropic",
    "google_ai",
    "google_vertex",
    "azure",
    "xai",
    "zai",
    "groq",
    "deepseek",
    "together",
    "bedrock",
    "baseten",
    "openrouter",
    "chatgpt_oauth",
]


def config(**values: Any) -> dict[str, Any]:
    return LLMConfig(model="m", model_endpoint_type="openai", context_window=1000).model_dump() | values


def test_what_is_sent_is_stored() -> None:
    given = ADAPTER.validate_python(
        {
            "provider_type": "openai",
            "temperature": 0.25,
            "max_output_tokens": 321,
            "parallel_tool_calls": True,
            "reasoning": {"reasoning_effort": "low"},
            "response_format": {"type": "json_object"},
            "strict": True,
        }
    )
    stored = with_settings(config(), given, fill=True)
    assert (stored["temperature"], stored["max_tokens"], stored["parallel_tool_calls"]) == (0.25, 321, True)
    assert (stored["reasoning_effort"], stored["strict"]) == ("low", True)
    assert stored["response_format"] == {"type": "json_object"}


def test_a_new_agent_takes_the_documented_defaults_of_what_is_left_out() -> None:
    stored = with_settings(config(), ADAPTER.validate_python({"provider_type": "openai"}), fill=True)
    assert (stored["temperature"], stored["parallel_tool_calls"]) == (0.7, True)
    assert (stored["max_tokens"], stored["strict"], stored["reasoning_effort"]) == (None, False, None)


def test_a_change_leaves_what_was_not_sent() -> None:
    before = config(temperature=0.3, parallel_tool_calls=False, max_tokens=50, strict=True)
    stored = with_settings(before, ADAPTER.validate_python({"temperature": 0.9}), fill=False)
    assert stored == before | {"temperature": 0.9}


def test_a_change_can_clear_the_response_format() -> None:
    before = config(response_format={"type": "json_object"})
    assert (
        with_settings(before, ADAPTER.validate_python({"response_format": None}), fill=False)["response_format"] is None
    )


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({"provider_type": "anthropic", "thinking": {"type": "disabled"}}, {"enable_reasoner": False}),
        ({"provider_type": "anthropic", "thinking": {"budget_tokens": 99}}, {"max_reasoning_tokens": 99}),
        ({"provider_type": "anthropic", "effort": "max", "verbosity": "low"}, {"effort": "max", "verbosity": "low"}),
        ({"provider_type": "google_ai", "thinking_config": {"include_thoughts": False}}, {"enable_reasoner": False}),
        ({"provider_type": "google_ai", "response_schema": {"type": "text"}}, {"response_format": {"type": "text"}}),
        ({"provider_type": "sglang", "tool_call_parser": "qwen"}, {"tool_call_parser": "qwen"}),
    ],
)
def test_settings_of_other_providers(given: dict[str, Any], stored: dict[str, Any]) -> None:
    changed = with_settings(config(), ADAPTER.validate_python(given), fill=False)
    assert {name: changed[name] for name in stored} == stored


@pytest.mark.parametrize("provider", PROVIDERS)
def test_settings_are_shown_in_the_form_of_the_provider(provider: str) -> None:
    shown = settings_from(config(model_endpoint_type=provider, temperature=0.4, max_tokens=77))
    parsed = ADAPTER.validate_python(shown)
    assert (parsed.provider_type, parsed.temperature, parsed.max_output_tokens) == (provider, 0.4, 77)
    assert parsed.parallel_tool_calls is False
    assert set(shown) == set(type(parsed).model_fields)


@pytest.mark.parametrize("provider", ["ollama", "vllm", "lmstudio", "fireworks"])
def test_compatible_providers_show_the_settings_of_openai(provider: str) -> None:
    assert settings_from(config(model_endpoint_type=provider))["provider_type"] == "openai"


def test_the_shown_reasoning_effort_is_the_one_in_force() -> None:
    assert settings_from(config(enable_reasoner=False))["reasoning"] == {"reasoning_effort": "none"}
    assert settings_from(config(enable_reasoner=True))["reasoning"] == {"reasoning_effort": "medium"}
    assert settings_from(config(reasoning_effort="high"))["reasoning"] == {"reasoning_effort": "high"}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_sending_back_what_is_shown_changes_nothing_that_counts(provider: str) -> None:
    before = config(
        model_endpoint_type=provider, temperature=0.4, max_tokens=77, response_format=None, enable_reasoner=False
    )
    shown = ADAPTER.validate_python(settings_from(before))
    after = with_settings(before, shown, fill=False)
    assert settings_from(after) == settings_from(before)
