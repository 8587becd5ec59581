"""Embeddings from Google's Gemini API (https://ai.google.dev/api/embeddings#method:-models.batchembedcontents)."""

from typing import Any
from urllib.parse import quote

from letta.llm.google_client import as_object, client_of, to_llm_error
from letta.llm.provider import Provider
from letta.llm.rest import RefusedError


async def embed(provider: Provider, model: str, texts: list[str]) -> list[Any]:
    """What the model answers for each of these texts; a vector, if all is well.

    Raises:
        LlmError: the provider can't serve the request now.
    """
    name = f"models/{model}"
    requests = [{"model": name, "content": {"parts": [{"text": text}]}} for text in texts]
    path = f"/v1beta/models/{quote(model, safe='')}:batchEmbedContents"
    try:
        answer = as_object(await client_of(provider).post(path, {"requests": requests}))
    except RefusedError as error:
        raise to_llm_error(error) from error
    found = answer.get("embeddings")
    return [item.get("values") if isinstance(item, dict) else None for item in found] if isinstance(found, list) else []
