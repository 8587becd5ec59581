"""Which providers an environment configures, and what is known of models by name."""

from typing import Any

import pytest

from letta.llm.configured import configured_providers, with_api_path
from letta.llm.facts import ModelFacts, dimensions_of, facts_of
from letta.llm.listed import ListedModel
from letta.llm.listing import _is_official_chat_model
from letta.settings import Settings

PROVIDER_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "OPENAI_API_BASE",
    "ANTHROPIC_API_KEY",
    "ANTHROPIC_BASE_URL",
    "GEMINI_API_KEY",
    "GEMINI_BASE_URL",
    "AZURE_API_KEY",
    "AZURE_BASE_URL",
    "AZURE_API_VERSION",
    "OPENROUTER_API_KEY",
    "OPENROUTER_HANDLE_BASE",
    "GROQ_API_KEY",
    "TOGETHER_API_KEY",
    "DEEPSEEK_API_KEY",
    "XAI_API_KEY",
    "FIREWORKS_API_KEY",
    "ZAI_API_KEY",
    "MINIMAX_API_KEY",
    "BASETEN_API_KEY",
    "SGLANG_API_BASE",
    "SGLANG_API_KEY",
    "SGLANG_HANDLE_BASE",
    "VLLM_API_BASE",
    "VLLM_API_KEY",
    "VLLM_HANDLE_BASE",
    "LMSTUDIO_BASE_URL",
    "OLLAMA_BASE_URL",
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROVIDER_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def found(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[tuple[str, str, str]]:
    """Name, base URL and handle prefix of the providers that these variables configure."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return [(each.name, each.base_url, each.handle_prefix) for each in configured_providers(Settings())]


def test_nothing_is_configured_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found(monkeypatch) == []
    assert found(monkeypatch, OPENAI_API_KEY=" ", OLLAMA_BASE_URL="") == []


@pytest.mark.parametrize("url", [None, "https://api.openai.com/v1", "https://api.openai.com/v1/"])
def test_openai_itself(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    variables = {"OPENAI_API_KEY": "sk-1"} | ({"OPENAI_BASE_URL": url} if url else {})
    assert found(monkeypatch, **variables) == [("openai", "https://api.openai.com/v1", "openai")]


@pytest.mark.parametrize("name", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
def test_another_address_for_openai_is_a_proxy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    expected = [("openai", "http://127.0.0.1:9/v1", "openai-proxy")]
    assert found(monkeypatch, **{name: "http://127.0.0.1:9/v1/"}) == expected
    assert found(monkeypatch, OPENAI_API_KEY="sk-1") == expected


def test_hosted_providers_need_a_key_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    more_than_a_key = {"AZURE_API_KEY", "SGLANG_API_KEY", "VLLM_API_KEY"}
    keys = [name for name in PROVIDER_VARIABLES if name.endswith("_API_KEY") and name not in more_than_a_key]
    names = [name for name, _, prefix in found(monkeypatch, **dict.fromkeys(keys, "key")) if name == prefix]
    hosted = ["groq", "together", "deepseek", "xai", "fireworks", "zai", "minimax", "baseten"]
    assert names == ["openai", "anthropic", "google_ai", "openrouter", *hosted]


@pytest.mark.parametrize("url", ["https://proxy.example", "https://proxy.example/v1/"])
def test_anthropic_elsewhere(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    variables = {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": url}
    assert found(monkeypatch, **variables) == [("anthropic", "https://proxy.example/v1", "anthropic")]


def test_google_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"GEMINI_API_KEY": "k", "GEMINI_BASE_URL": "https://proxy.example/v1beta/"}
    assert found(monkeypatch, **variables) == [("google_ai", "https://proxy.example", "google_ai")]


@pytest.mark.parametrize("ending", ["", "/", "/openai", "/openai/v1"])
def test_azure_needs_a_key_and_an_address(monkeypatch: pytest.MonkeyPatch, ending: str) -> None:
    assert found(monkeypatch, AZURE_API_KEY="k") == []
    variables = {"AZURE_API_KEY": "k", "AZURE_BASE_URL": f"https://me.openai.azure.com{ending}"}
    assert found(monkeypatch, **variables) == [("azure", "https://me.openai.azure.com", "azure")]
    (azure,) = configured_providers(Settings())
    assert azure.api_url == "https://me.openai.azure.com/openai/v1"


def test_handle_prefixes_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "OPENROUTER_API_KEY": "k",
        "OPENROUTER_HANDLE_BASE": "or",
        "VLLM_API_BASE": "http://gpu:8000",
        "VLLM_HANDLE_BASE": "mine",
    }
    assert found(monkeypatch, **variables) == [
        ("openrouter", "https://openrouter.ai/api/v1", "or"),
        ("vllm", "http://gpu:8000/v1", "mine"),
    ]


def test_local_providers_need_an_address_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "OLLAMA_BASE_URL": "http://localhost:11434",
        "LMSTUDIO_BASE_URL": "http://localhost:1234/v1/",
        "SGLANG_API_BASE": "http://localhost:30000",
    }
    assert found(monkeypatch, **variables) == [
        ("sglang", "http://localhost:30000/v1", "sglang"),
        ("lmstudio_openai", "http://localhost:1234/v1", "lmstudio_openai"),
        ("ollama", "http://localhost:11434/v1", "ollama"),
    ]


@pytest.mark.parametrize(
    ("given", "complete"),
    [
        ("http://a:1", "http://a:1/v1"),
        ("http://a:1/", "http://a:1/v1"),
        ("http://a:1/v1", "http://a:1/v1"),
        ("https://a/proxy/v1/", "https://a/proxy/v1"),
    ],
)
def test_the_usual_path_is_added(given: str, complete: str) -> None:
    assert with_api_path(given) == complete


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("gpt-4", ModelFacts(8192, 8192)),
        ("gpt-4o-mini", ModelFacts(128000, 16384)),
        ("openai/GPT-4.1-mini", ModelFacts(1047576, 32768)),
        ("gpt-5-mini", ModelFacts(272000, 128000, reasoning=True)),
        ("gpt-5-chat-latest", ModelFacts(128000, 16384)),
        ("o3-mini", ModelFacts(200000, 100000, reasoning=True)),
        ("llama-3.3-70b-versatile", ModelFacts(131072)),
        ("anthropic/claude-3-5-haiku-latest", ModelFacts(200000, 8192)),
        ("claude-sonnet-4-5-20250929", ModelFacts(200000, 64000, reasoning=True)),
        ("claude-opus-5-5", ModelFacts(1000000, 128000, reasoning=True)),
        ("gemini-3.8-flash", ModelFacts(1048576, 65536, reasoning=True)),
        ("never-heard-of", ModelFacts()),
        ("", ModelFacts()),
    ],
)
def test_facts_are_those_of_the_longest_known_name(name: str, facts: ModelFacts) -> None:
    assert facts_of(name) == facts


def test_dimensions_are_known_for_the_usual_models() -> None:
    assert dimensions_of("text-embedding-Nomic-Embed-Text-v1.5") == 768
    assert dimensions_of("never-heard-of") is None


@pytest.mark.parametrize(
    ("name", "chats"),
    [
        ("gpt-4o", True),
        ("gpt-5.4-mini", True),
        ("o3", True),
        ("o1-mini", False),
        ("o1-pro", False),
        ("gpt-4o-realtime-preview", False),
        ("gpt-4o-mini-tts", False),
        ("gpt-4o-search-preview", False),
        ("gpt-3.5-turbo", False),
        ("whisper-1", False),
        ("text-embedding-3-small", False),
    ],
)
def test_openais_own_list_is_filtered_by_name(name: str, chats: bool) -> None:
    assert _is_official_chat_model(name) is chats


def test_a_listed_model_tells_only_what_its_provider_told() -> None:
    fields = ("context_window", "max_output_tokens", "dimensions", "reasoning")
    unknown: dict[str, Any] = dict.fromkeys(fields)
    assert ListedModel("x") == ListedModel("x", "llm", **unknown)
