"""The providers that the environment configures."""

from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from letta.errors import InvalidArgumentError
from letta.llm.provider import BYOK, Provider
from letta.settings import Settings, settings

OPENAI = "https://api.openai.com/v1"
ANTHROPIC = "https://api.anthropic.com/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
GOOGLE = "https://generativelanguage.googleapis.com"

_HOSTED = {
    "groq": ("groq_api_key", "https://api.groq.com/openai/v1"),
    "together": ("together_api_key", "https://api.together.xyz/v1"),
    "deepseek": ("deepseek_api_key", "https://api.deepseek.com/v1"),
    "xai": ("xai_api_key", "https://api.x.ai/v1"),
    "fireworks": ("fireworks_api_key", "https://api.fireworks.ai/inference/v1"),
    "zai": ("zai_api_key", "https://api.z.ai/api/paas/v4"),
    "minimax": ("minimax_api_key", "https://api.minimax.io/v1"),
    "baseten": ("baseten_api_key", "https://inference.baseten.co/v1"),
}

SETTINGS = {
    "openai": "OPENAI_API_KEY and OPENAI_BASE_URL",
    "anthropic": "ANTHROPIC_API_KEY and ANTHROPIC_BASE_URL",
    "google_ai": "GEMINI_API_KEY and GEMINI_BASE_URL",
    "azure": "AZURE_API_KEY, AZURE_BASE_URL and AZURE_API_VERSION",
    "openrouter": "OPENROUTER_API_KEY",
    "groq": "GROQ_API_KEY",
    "together": "TOGETHER_API_KEY",
    "deepseek": "DEEPSEEK_API_KEY",
    "xai": "XAI_API_KEY",
    "fireworks": "FIREWORKS_API_KEY",
    "zai": "ZAI_API_KEY",
    "minimax": "MINIMAX_API_KEY",
    "baseten": "BASETEN_API_KEY",
    "vllm": "VLLM_API_BASE and VLLM_API_KEY",
    "sglang": "SGLANG_API_BASE and SGLANG_API_KEY",
    "lmstudio_openai": "LMSTUDIO_BASE_URL",
    "ollama": "OLLAMA_BASE_URL",
}
"""The environment variables that configure a provider, by its name."""


def configured_providers(settings: Settings) -> list[Provider]:
    """The providers for which a key or an address is set, in the order in which they are listed."""
    return [
        *_openai(settings),
        *_anthropic(settings),
        *_google(settings),
        *_azure(settings),
        *_openrouter(settings),
        *_hosted(settings),
        *_local(settings),
    ]


def is_configured_address(url: str) -> bool:
    """Whether a base URL is one at which the environment configures a provider, so that it is asked in any case."""
    return any(provider.base_url == url for provider in configured_providers(settings))


RESERVED_NAMES = frozenset({*SETTINGS, "letta", "openai-proxy"})
"""Names of providers that the environment may configure, and beginnings of their models' handles."""

_OWN_ADDRESS = {"openai": OPENAI, "anthropic": ANTHROPIC, "google_ai": GOOGLE, "openrouter": OPENROUTER}
_OWN_ADDRESS |= {name: url for name, (_, url) in _HOSTED.items()}


def byok_provider(
    name: str, kind: str, base_url: str | None, api_key: str | None, api_version: str | None = None
) -> Provider:
    """A provider that somebody adds while the server runs. Its models' handles begin with its own name.

    Raises:
        InvalidArgumentError: providers of this type aren't offered, or it needs an address.
    """
    if kind not in SETTINGS:
        offered = ", ".join(sorted(SETTINGS))
        raise InvalidArgumentError(f"provider_type '{kind}' is not supported. Choose one of: {offered}.")
    given = (base_url or "").strip().rstrip("/") or _OWN_ADDRESS.get(kind)
    if given is None:
        raise InvalidArgumentError(f"base_url is missing. A provider of type {kind} needs one.")
    secret = SecretStr(api_key) if api_key else None
    try:
        url = _as_asked(kind, given)
    except ValueError as error:
        raise InvalidArgumentError(
            f"base_url is malformed ({error}). Enter a URL, such as https://api.example.com/v1."
        ) from None
    return Provider(name, kind, url, name, secret, api_version or None, BYOK)


def _as_asked(kind: str, url: str) -> str:
    """A base URL in the form in which requests of that type begin with it."""
    if kind == "google_ai":
        return url.removesuffix("/v1beta")
    if kind == "azure":
        return url.removesuffix("/openai/v1").removesuffix("/openai")
    return url if kind in _HOSTED or kind == "openai" else with_api_path(url)


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


def _anthropic(settings: Settings) -> list[Provider]:
    if settings.anthropic_api_key is None:
        return []
    url = with_api_path(settings.anthropic_base_url) if settings.anthropic_base_url else ANTHROPIC
    return [Provider("anthropic", "anthropic", url, "anthropic", settings.anthropic_api_key)]


def _google(settings: Settings) -> list[Provider]:
    if settings.gemini_api_key is None:
        return []
    url = (settings.gemini_base_url or GOOGLE).strip().rstrip("/").removesuffix("/v1beta")
    return [Provider("google_ai", "google_ai", url, "google_ai", settings.gemini_api_key)]


def _azure(settings: Settings) -> list[Provider]:
    if settings.azure_api_key is None or settings.azure_base_url is None:
        return []
    url = settings.azure_base_url.strip().rstrip("/").removesuffix("/openai/v1").removesuffix("/openai")
    return [Provider("azure", "azure", url, "azure", settings.azure_api_key, settings.azure_api_version)]


def _openrouter(settings: Settings) -> list[Provider]:
    if settings.openrouter_api_key is None:
        return []
    prefix = settings.openrouter_handle_base or "openrouter"
    return [Provider("openrouter", "openrouter", OPENROUTER, prefix, settings.openrouter_api_key)]


def _hosted(settings: Settings) -> list[Provider]:
    keys = {name: getattr(settings, field) for name, (field, _) in _HOSTED.items()}
    return [Provider(name, name, url, name, keys[name]) for name, (_, url) in _HOSTED.items() if keys[name] is not None]


def _local(settings: Settings) -> list[Provider]:
    vllm = settings.vllm_api_base, settings.vllm_handle_base, settings.vllm_api_key
    sglang = settings.sglang_api_base, settings.sglang_handle_base, settings.sglang_api_key
    served = {
        "vllm": vllm,
        "sglang": sglang,
        "lmstudio_openai": (settings.lmstudio_base_url, None, None),
        "ollama": (settings.ollama_base_url, None, None),
    }
    return [
        Provider(name, name, with_api_path(url), prefix or name, key)
        for name, (url, prefix, key) in served.items()
        if url
    ]
