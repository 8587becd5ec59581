"""The providers that the environment configures."""

from urllib.parse import urlsplit, urlunsplit

from letta.llm.provider import Provider
from letta.settings import Settings

OPENAI = "https://api.openai.com/v1"

_HOSTED = {
    "groq": ("groq_api_key", "https://api.groq.com/openai/v1"),
    "together": ("together_api_key", "https://api.together.xyz/v1"),
    "deepseek": ("deepseek_api_key", "https://api.deepseek.com/v1"),
    "xai": ("xai_api_key", "https://api.x.ai/v1"),
    "fireworks": ("fireworks_api_key", "https://api.fireworks.ai/inference/v1"),
}

SETTINGS = {
    "openai": "OPENAI_API_KEY and OPENAI_BASE_URL",
    "openrouter": "OPENROUTER_API_KEY",
    "groq": "GROQ_API_KEY",
    "together": "TOGETHER_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "xai": "XAI_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "vllm": "VLLM_API_BASE and VLLM_API_KEY",
    "lmstudio_openai": "LMSTUDIO_BASE_URL",
    "ollama": "OLLAMA_BASE_URL",
}
"""The environment variables that configure a provider, by its name."""


def configured_providers(settings: Settings) -> list[Provider]:
    """The providers for which a key or an address is set, in the order in which they are listed."""
    return [*_openai(settings), *_openrouter(settings), *_hosted(settings), *_local(settings)]


def with_api_path(url: str) -> str:
    """The base URL of an OpenAI-compatible API, given with or without its usual path ``/v1``."""
    parts = urlsplit(url.strip())
    path = parts.path.rstrip("/") or "/v1"
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))


def _openai(settings: Settings) -> list[Provider]:
    base_url = (settings.openai_base_url or OPENAI).strip().rstrip("/")
    official = base_url == OPENAI
    if settings.openai_api_key is None and official:
        return []
    return [Provider("openai", "openai", base_url, "openai" if official else "openai-proxy", settings.openai_api_key)]


def _openrouter(settings: Settings) -> list[Provider]:
    if settings.openrouter_api_key is None:
        return []
    prefix = settings.openrouter_handle_base or "openrouter"
    return [Provider("openrouter", "openrouter", "https://openrouter.ai/api/v1", prefix, settings.openrouter_api_key)]


def _hosted(settings: Settings) -> list[Provider]:
    keys = {name: getattr(settings, field) for name, (field, _) in _HOSTED.items()}
    return [Provider(name, name, url, name, keys[name]) for name, (_, url) in _HOSTED.items() if keys[name] is not None]


def _local(settings: Settings) -> list[Provider]:
    found = []
    if settings.vllm_api_base:
        prefix = settings.vllm_handle_base or "vllm"
        found.append(Provider("vllm", "vllm", with_api_path(settings.vllm_api_base), prefix, settings.vllm_api_key))
    for name, url in (("lmstudio_openai", settings.lmstudio_base_url), ("ollama", settings.ollama_base_url)):
        if url:
            found.append(Provider(name, name, with_api_path(url), name))
    return found
