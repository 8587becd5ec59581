"""The lists of models."""

import httpx2
import pytest
from letta_client import Letta

from letta.testing.server import ServerProcess


def test_language_models(client: Letta, http: httpx2.Client) -> None:
    assert [model.handle for model in client.models.list()] == [
        "openai-proxy/gpt-4.1",
        "openai-proxy/gpt-4.1-mini",
        "openai-proxy/gpt-4o",
        "openai-proxy/gpt-4o-mini",
    ]
    (shown,) = [model for model in http.get("/v1/models/").json() if model["name"] == "gpt-4o-mini"]
    assert shown.pop("model_endpoint").startswith("http://127.0.0.1:")
    assert shown == {
        "handle": "openai-proxy/gpt-4o-mini",
        "name": "gpt-4o-mini",
        "display_name": "gpt-4o-mini",
        "provider_type": "openai",
        "provider_name": "openai",
        "model_type": "llm",
        "model": "gpt-4o-mini",
        "model_endpoint_type": "openai",
        "provider_category": "base",
        "model_wrapper": None,
        "context_window": 128000,
        "put_inner_thoughts_in_kwargs": False,
        "temperature": 1.0,
        "max_tokens": 16384,
        "enable_reasoner": True,
        "reasoning_effort": None,
        "max_reasoning_tokens": 0,
        "effort": None,
        "frequency_penalty": None,
        "compatibility_type": None,
        "verbosity": None,
        "tier": None,
        "parallel_tool_calls": False,
        "response_format": None,
        "strict": False,
        "return_logprobs": False,
        "top_logprobs": None,
        "return_token_ids": False,
        "tool_call_parser": None,
        "max_context_window": 128000,
    }


def test_embedding_models(client: Letta, http: httpx2.Client) -> None:
    assert {model.handle: model.embedding_dim for model in client.models.embeddings.list()} == {
        "openai/text-embedding-3-small": 1536,
        "openai/text-embedding-3-large": 3072,
        "openai/text-embedding-ada-002": 1536,
    }
    (shown,) = [model for model in http.get("/v1/models/embedding").json() if model["name"] == "text-embedding-3-small"]
    assert shown.pop("embedding_endpoint").startswith("http://127.0.0.1:")
    assert shown == {
        "handle": "openai/text-embedding-3-small",
        "name": "text-embedding-3-small",
        "display_name": "text-embedding-3-small",
        "provider_type": "openai",
        "provider_name": "openai",
        "model_type": "embedding",
        "embedding_endpoint_type": "openai",
        "embedding_model": "text-embedding-3-small",
        "embedding_dim": 1536,
        "embedding_chunk_size": 300,
        "batch_size": 32,
        "azure_endpoint": None,
        "azure_version": None,
        "azure_deployment": None,
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"provider_category": ["base", "byok"]}, 4),
        ({"provider_category": "byok"}, 0),
        ({"provider_name": "openai"}, 4),
        ({"provider_name": "groq"}, 0),
        ({"provider_type": "openai"}, 4),
        ({"provider_type": "groq"}, 0),
    ],
)
def test_filters(http: httpx2.Client, query: dict[str, str | list[str]], count: int) -> None:
    assert len(http.get("/v1/models/", params=query).json()) == count


def test_unknown_types_are_refused(http: httpx2.Client) -> None:
    assert http.get("/v1/models/", params={"provider_type": "nonsense"}).status_code == 422


def test_a_server_without_providers_has_no_models(server_environment: dict[str, str]) -> None:
    bare = {name: value for name, value in server_environment.items() if not name.startswith("OPENAI_")}
    with ServerProcess(bare) as server, httpx2.Client(base_url=server.url, trust_env=False) as http:
        assert http.get("/v1/models/").json() == []
        assert http.get("/v1/models/embedding").json() == []
        refused = http.post("/v1/agents", json={"model": "openai/gpt-4o"})
        assert refused.status_code == 404
        assert "Set OPENAI_API_KEY" in refused.json()["detail"]
        assert "OPENAI_API_KEY" in server.log_file.read_text()
