"""What providers say about the models they have.

Sources: https://platform.openai.com/docs/api-reference/models, https://openrouter.ai/docs/api-reference/list-available-models,
https://docs.ollama.com/api, https://lmstudio.ai/docs/developer/rest/endpoints
"""

import asyncio
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from letta.llm.configured import OPENAI
from letta.llm.facts import dimensions_of
from letta.llm.listed import Kind, ListedModel, NoModelListError
from letta.llm.native_lists import list_anthropic, list_azure, list_google
from letta.llm.provider import Provider

if TYPE_CHECKING:
    from httpx2 import AsyncClient

JsonObject = Mapping[str, Any]

_CONTEXT_FIELDS = (
    "loaded_context_length",  # LM Studio: what the loaded model really has, which may be less than it could have
    "max_model_len",  # vLLM
    "context_length",  # OpenRouter, Together, Fireworks
    "context_window",  # Groq
    "max_context_length",  # LM Studio
)
_OUTPUT_FIELDS = ("max_completion_tokens", "max_output_tokens")
_OFFICIAL_NAMES = ("gpt-4", "gpt-5", "o1", "o3", "o4")
_OFFICIAL_OTHERS = ("transcribe", "search", "realtime", "tts", "audio", "computer", "image")
_OFFICIAL_UNSUITED = ("o1-mini", "o1-preview", "o1-pro")
_OTHER_TYPES = {"image", "audio", "video", "rerank", "moderation", "transcribe", "transcription", "speech"}
_OTHER_NAMES = ("whisper", "tts-", "dall-e", "moderation", "rerank", "transcribe")
_NOTHING_THERE = {404, 405, 501}
_OLLAMA_REQUESTS = 8


async def list_models(client: "AsyncClient", provider: Provider) -> list[ListedModel]:
    """The models of a provider, in its own order.

    Raises:
        NoModelListError: it has no list.
        httpx2.HTTPError: it can't be reached, or refuses.
        ValueError, TypeError, KeyError: what it answers is no model list.
    """
    own_form = _OWN_FORMS.get(provider.type)
    if own_form is not None:
        return await own_form(client, provider)
    if provider.type == "lmstudio_openai":
        native = await _entries(client, provider, f"{_root(provider)}/api/v0/models")
        if native is not None:
            return list(_listed(native, provider))
    entries = await _entries(client, provider, f"{provider.base_url}/models")
    if entries is None:
        raise NoModelListError
    return list(_listed(entries, provider))


async def _entries(client: "AsyncClient", provider: Provider, url: str) -> list[JsonObject] | None:
    """The entries of a model list, or None where there is nothing at the address."""
    response = await client.get(url, headers=_headers(provider))
    if response.status_code in _NOTHING_THERE:
        return None
    response.raise_for_status()
    body = response.json()
    entries = body.get("data") if isinstance(body, dict) else body
    if not isinstance(entries, list):
        raise TypeError("it is not a list")
    return [entry for entry in entries if isinstance(entry, dict) and isinstance(entry.get("id"), str)]


def _listed(entries: list[JsonObject], provider: Provider) -> Iterator[ListedModel]:
    for entry in entries:
        kind = _kind(entry, provider)
        if kind is not None:
            top = entry.get("top_provider")
            known = [entry, top] if isinstance(top, dict) else [entry]
            yield ListedModel(
                name=entry["id"],
                kind=kind,
                context_window=_first(known, _CONTEXT_FIELDS),
                max_output_tokens=_first(known, _OUTPUT_FIELDS),
                dimensions=dimensions_of(entry["id"]) if kind == "embedding" else None,
            )


def _kind(entry: JsonObject, provider: Provider) -> Kind | None:
    name = entry["id"].lower()
    if provider.base_url == OPENAI:
        return "llm" if _is_official_chat_model(name) else None
    if entry.get("active") is False or entry.get("supports_chat") is False:
        return None
    declared = entry.get("type")
    if declared in {"embedding", "embeddings"}:
        return "embedding"
    if declared in _OTHER_TYPES:
        return None
    if any(part in name for part in _OTHER_NAMES):
        return None
    return "embedding" if "embed" in name or dimensions_of(name) is not None else "llm"


def _is_official_chat_model(name: str) -> bool:
    return (
        name.startswith(_OFFICIAL_NAMES)
        and not name.startswith(_OFFICIAL_UNSUITED)
        and not any(part in name for part in _OFFICIAL_OTHERS)
    )


def _first(sources: list[JsonObject], names: tuple[str, ...]) -> int | None:
    for name in names:
        for source in sources:
            value = _count(source.get(name))
            if value is not None:
                return value
    return None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _headers(provider: Provider) -> dict[str, str]:
    return {"Authorization": f"Bearer {provider.api_key.get_secret_value()}"} if provider.api_key else {}


def _root(provider: Provider) -> str:
    return provider.base_url.removesuffix("/v1")


async def _ollama(client: "AsyncClient", provider: Provider) -> list[ListedModel]:
    response = await client.get(f"{_root(provider)}/api/tags")
    if response.status_code in _NOTHING_THERE:
        raise NoModelListError
    response.raise_for_status()
    names = [entry["model"] for entry in response.json()["models"]]
    slots = asyncio.Semaphore(_OLLAMA_REQUESTS)

    async def describe(name: str) -> ListedModel:
        async with slots:
            shown = await client.post(f"{_root(provider)}/api/show", json={"model": name})
        return _from_ollama(name, shown.json() if shown.status_code == 200 else {})

    return list(await asyncio.gather(*map(describe, names)))


def _from_ollama(name: str, shown: JsonObject) -> ListedModel:
    details = shown.get("model_info") or {}
    architecture = details.get("general.architecture", "")
    embeds = "embedding" in (shown.get("capabilities") or ()) or (not shown and "embed" in name)
    return ListedModel(
        name=name,
        kind="embedding" if embeds else "llm",
        # Ollama cuts what exceeds the window set in the Modelfile, whatever the model could read.
        context_window=_ollama_window(shown) or _count(details.get(f"{architecture}.context_length")),
        dimensions=_count(details.get(f"{architecture}.embedding_length")) or dimensions_of(name),
    )


def _ollama_window(shown: JsonObject) -> int | None:
    for line in str(shown.get("parameters") or "").splitlines():
        name, _, value = line.partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return int(value)
    return None


_OWN_FORMS = {"ollama": _ollama, "anthropic": list_anthropic, "google_ai": list_google, "azure": list_azure}
"""Providers whose lists have a form of their own; all others have OpenAI's."""
