"""Models on the wire. Many fields say the same twice, for older clients."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue

from letta.constants import DEFAULT_EMBEDDING_CHUNK_SIZE
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.outgoing.header_text import header_value
from letta.providers.added_provider import AddedProvider
from letta.redaction import MASK
from letta.schema import Schema, Timestamp

# Not `deprecated=`: that warns on every read of the field, also our own.
_DEPRECATED: dict[str, JsonValue] = {"deprecated": True}

ProviderCategory = Literal["base", "byok"]
ProviderType = Literal[
    "anthropic",
    "azure",
    "baseten",
    "bedrock",
    "cerebras",
    "chatgpt_oauth",
    "deepseek",
    "fireworks",
    "google_ai",
    "google_vertex",
    "groq",
    "hugging-face",
    "letta",
    "lmstudio_openai",
    "minimax",
    "mistral",
    "ollama",
    "openai",
    "together",
    "vllm",
    "sglang",
    "openrouter",
    "xai",
    "zai",
    "zai_coding",
]


ProviderName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_][A-Za-z0-9_. -]{0,63}$",
        description="Name of the provider, and first part of its models' handles. Letters, digits, `_`, `.`, `-` and "
        "spaces.",
    ),
]
Key = Annotated[
    str,
    AfterValidator(header_value),
    Field(max_length=10_000, description=f"API key for the provider. Responses show {MASK} or null."),
]
_BASE_URL = "Where it is asked; its usual address unless given. Private addresses are refused."


class ProviderCheck(Schema):
    """A provider that is to be tried out."""

    provider_type: ProviderType
    api_key: Key
    access_key: Key | None = None
    region: str | None = None
    base_url: str | None = Field(None, description=_BASE_URL)
    api_version: str | None = None


class ProviderCreate(ProviderCheck):
    """A new provider."""

    name: ProviderName


class ProviderUpdate(Schema):
    """Changes to a provider. Fields that are left out stay as they are."""

    api_key: Key
    access_key: Key | None = None
    region: str | None = None
    base_url: str | None = Field(None, description=_BASE_URL)
    api_version: str | None = None


class ProviderResponse(Schema):
    """A provider that was added, without its keys."""

    id: str
    name: str
    provider_type: ProviderType
    provider_category: ProviderCategory
    api_key: None = Field(None, json_schema_extra=_DEPRECATED)
    base_url: str | None = None
    access_key: None = Field(None, json_schema_extra=_DEPRECATED)
    region: str | None = None
    api_version: str | None = None
    organization_id: str | None = None
    updated_at: Timestamp | None = None
    last_synced: Timestamp | None = Field(None, description="When the provider's models were last listed.")
    api_key_enc: str | None = Field(None, description=f"{MASK} if there is a key.")
    access_key_enc: str | None = Field(None, description="The same.")


class ProviderMessage(Schema):
    """What came of it."""

    message: str


class ModelResponse(Schema):
    """A language model."""

    handle: str = Field(description="Handle by which agents refer to the model.")
    name: str
    display_name: str
    provider_type: ProviderType
    provider_name: str
    model_type: Literal["llm"] = "llm"
    model: str = Field(json_schema_extra=_DEPRECATED)
    model_endpoint_type: str = Field(json_schema_extra=_DEPRECATED)
    model_endpoint: str | None = Field(None, json_schema_extra=_DEPRECATED)
    provider_category: ProviderCategory = "base"
    model_wrapper: None = None
    context_window: int = Field(json_schema_extra=_DEPRECATED)
    put_inner_thoughts_in_kwargs: bool = False
    temperature: float = 1.0
    max_tokens: int | None = Field(None, description="Most tokens in one answer, if known.")
    enable_reasoner: bool = True
    reasoning_effort: None = None
    max_reasoning_tokens: int = 0
    effort: None = None
    frequency_penalty: float | None = None
    compatibility_type: None = None
    verbosity: None = None
    tier: None = None
    parallel_tool_calls: bool = False
    response_format: None = None
    strict: bool = False
    return_logprobs: bool = False
    top_logprobs: int | None = None
    return_token_ids: bool = False
    tool_call_parser: None = None
    max_context_window: int = Field(description="Most tokens of input.")


class EmbeddingModelResponse(Schema):
    """An embedding model."""

    handle: str = Field(description="Handle by which agents, archives and folders refer to the model.")
    name: str
    display_name: str
    provider_type: ProviderType
    provider_name: str
    model_type: Literal["embedding"] = "embedding"
    embedding_endpoint_type: str = Field(json_schema_extra=_DEPRECATED)
    embedding_endpoint: str | None = Field(None, json_schema_extra=_DEPRECATED)
    embedding_model: str = Field(json_schema_extra=_DEPRECATED)
    embedding_dim: int = Field(description="Dimensions of its vectors.")
    embedding_chunk_size: int = DEFAULT_EMBEDDING_CHUNK_SIZE
    batch_size: int = 32
    azure_endpoint: None = None
    azure_version: None = None
    azure_deployment: None = None


def to_provider(provider: AddedProvider) -> ProviderResponse:
    """An added provider on the wire."""
    return ProviderResponse(
        id=provider.id,
        name=provider.name,
        provider_type=provider.provider_type,
        provider_category="byok",
        base_url=provider.base_url,
        region=provider.region,
        api_version=provider.api_version,
        organization_id=provider.organization_id,
        updated_at=provider.updated_at,
        last_synced=provider.last_synced,
        api_key_enc=MASK if provider.api_key else None,
        access_key_enc=MASK if provider.access_key else None,
    )


def to_model(model: LlmModel) -> ModelResponse:
    """A language model of the catalog on the wire."""
    return ModelResponse.model_validate(
        {
            "handle": model.handle,
            "name": model.name,
            "display_name": model.name,
            "provider_type": model.provider_type,
            "provider_name": model.provider_name,
            "model": model.name,
            "model_endpoint_type": model.endpoint_type,
            "model_endpoint": model.endpoint,
            "provider_category": model.provider_category,
            "context_window": model.context_window,
            "max_tokens": model.max_output_tokens,
            "max_context_window": model.context_window,
        }
    )


def to_embedding_model(model: EmbeddingModel) -> EmbeddingModelResponse:
    """An embedding model of the catalog on the wire."""
    return EmbeddingModelResponse.model_validate(
        {
            "handle": model.handle,
            "name": model.name,
            "display_name": model.name,
            "provider_type": model.provider_type,
            "provider_name": model.provider_name,
            "embedding_endpoint_type": model.endpoint_type,
            "embedding_endpoint": model.endpoint,
            "embedding_model": model.name,
            "embedding_dim": model.dimensions,
            "batch_size": model.batch_size,
        }
    )
