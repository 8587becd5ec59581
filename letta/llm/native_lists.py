"""Model lists of providers that have their own form of them.

Sources: https://platform.claude.com/docs/en/api/models-list, https://ai.google.dev/api/models,
https://learn.microsoft.com/azure/ai-services/openai/reference
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from letta.llm.facts import dimensions_of
from letta.llm.listed import ListedModel, NoModelListError
from letta.llm.provider import Provider

if TYPE_CHECKING:
    from httpx2 import AsyncClient

JsonObject = Mapping[str, Any]

_NOTHING_THERE = {404, 405, 501}
_ANTHROPIC_VERSION = "2023-06-01"
_PAGE = 1000
_AZURE_LIST_VERSION = "2023-03-15-preview"
"""The last version of Azure's API that lists what was deployed to a resource."""

_GEMINI = "gemini-"
_NOT_FOR_TALKING = ("-tts", "-image", "-live", "-audio", "robotics", "computer-use", "embedding")


async def list_anthropic(client: "AsyncClient", provider: Provider) -> list[ListedModel]:
    """The Claude models of a key."""
    headers = {"x-api-key": _key(provider), "anthropic-version": _ANTHROPIC_VERSION}
    found = await _get(client, f"{provider.base_url}/models", headers, {"limit": _PAGE})
    return [_claude(entry) for entry in found["data"] if entry.get("lifecycle") != "retired"]


def _claude(entry: JsonObject) -> ListedModel:
    capabilities = entry.get("capabilities") or {}
    return ListedModel(
        name=entry["id"],
        context_window=entry.get("max_input_tokens"),
        max_output_tokens=entry.get("max_tokens"),
        reasoning=(capabilities.get("thinking") or {}).get("supported"),
    )


async def list_google(client: "AsyncClient", provider: Provider) -> list[ListedModel]:
    """The models of a key that can be talked to, or embed."""
    headers = {"x-goog-api-key": _key(provider)}
    found = await _get(client, f"{provider.base_url}/v1beta/models", headers, {"pageSize": _PAGE})
    talking = [_gemini(entry) for entry in found["models"] if _talks(entry)]
    return talking + [_embedding(entry) for entry in found["models"] if _embeds(entry)]


def _embeds(entry: JsonObject) -> bool:
    return "embedContent" in entry.get("supportedGenerationMethods", ())


def _embedding(entry: JsonObject) -> ListedModel:
    name = entry["name"].removeprefix("models/")
    return ListedModel(name, "embedding", dimensions=dimensions_of(name))


def _talks(entry: JsonObject) -> bool:
    name = entry["name"].removeprefix("models/")
    generates = "generateContent" in entry.get("supportedGenerationMethods", ())
    return generates and name.startswith(_GEMINI) and not any(part in name for part in _NOT_FOR_TALKING)


def _gemini(entry: JsonObject) -> ListedModel:
    return ListedModel(
        name=entry["name"].removeprefix("models/"),
        context_window=entry.get("inputTokenLimit"),
        max_output_tokens=entry.get("outputTokenLimit"),
        reasoning=entry.get("thinking"),
    )


async def list_azure(client: "AsyncClient", provider: Provider) -> list[ListedModel]:
    """What was deployed to an Azure resource, by the names of the deployments."""
    url, version = f"{provider.base_url}/openai/deployments", {"api-version": _AZURE_LIST_VERSION}
    found = await _get(client, url, {"api-key": _key(provider)}, version)
    return [_deployment(entry) for entry in found["data"]]


def _deployment(entry: JsonObject) -> ListedModel:
    model = str(entry.get("model"))
    if "embedding" in model:
        return ListedModel(entry["id"], "embedding", dimensions=dimensions_of(model))
    return ListedModel(entry["id"])


def _key(provider: Provider) -> str:
    return provider.api_key.get_secret_value() if provider.api_key else ""


async def _get(
    client: "AsyncClient", url: str, headers: Mapping[str, str], query: Mapping[str, str | int]
) -> JsonObject:
    response = await client.get(url, headers=dict(headers), params=dict(query))
    if response.status_code in _NOTHING_THERE:
        raise NoModelListError
    response.raise_for_status()
    body = response.json()
    if not isinstance(body, dict):
        raise TypeError("it is not a list")
    return body
