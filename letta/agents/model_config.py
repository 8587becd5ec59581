"""What an agent's model is called with: ``llm_config`` and ``embedding_config``, complete as they are stored.

Unlike on the former server, a change of the model, its window or its output limit keeps the other settings instead of
resetting them.
"""

from typing import Literal

from pydantic import Field

from letta.agents.agent_types import traits_of
from letta.agents.model_settings import MAX_INTEGER, Effort, ReasoningEffort, ResponseFormat, Verbosity
from letta.constants import DEFAULT_EMBEDDING_CHUNK_SIZE
from letta.json_types import JsonObject
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.llm.provider import BYOK
from letta.schema import Schema
from letta.settings import settings

MAX_OUTPUT_TOKENS = 16_384
"""Output limit of an agent that asks for none, where the model allows as many."""

_VERBOSE_MODELS = ("gpt-5",)


class LLMConfig(Schema):
    """The model of an agent and how it is called."""

    model: str
    display_name: str | None = None
    model_endpoint_type: str
    model_endpoint: str | None = None
    provider_name: str | None = None
    provider_category: Literal["base", "byok"] | None = None
    model_wrapper: str | None = None
    context_window: int = Field(
        gt=0, le=MAX_INTEGER, description="Tokens that the agent may use, including its answer."
    )
    put_inner_thoughts_in_kwargs: bool | None = False
    handle: str | None = None
    temperature: float = Field(1.0, ge=0, le=2)
    max_tokens: int | None = Field(None, gt=0, le=MAX_INTEGER, description="Most tokens in one answer.")
    enable_reasoner: bool = True
    reasoning_effort: ReasoningEffort | None = None
    max_reasoning_tokens: int = Field(0, ge=-1, le=MAX_INTEGER)
    effort: Effort | None = None
    frequency_penalty: float | None = Field(None, ge=-2, le=2)
    compatibility_type: Literal["gguf", "mlx"] | None = None
    verbosity: Verbosity | None = None
    tier: str | None = None
    parallel_tool_calls: bool | None = False
    response_format: ResponseFormat | None = None
    strict: bool = False
    return_logprobs: bool = False
    top_logprobs: int | None = None
    return_token_ids: bool = False
    tool_call_parser: str | None = None


def handles_of(config: JsonObject) -> tuple[str | None, ...]:
    """Handles that lead to a model's provider. Agents of the former server may know an added one by another handle."""
    if config.get("provider_category") == BYOK and config.get("provider_name"):
        return config.get("handle"), f"{config['provider_name']}/{config['model']}"
    return (config.get("handle"),)


class EmbeddingConfig(Schema):
    """The model that embeds an agent's passages."""

    embedding_endpoint_type: str
    embedding_endpoint: str | None = None
    embedding_model: str
    embedding_dim: int = Field(gt=0, le=MAX_INTEGER)
    embedding_chunk_size: int | None = DEFAULT_EMBEDDING_CHUNK_SIZE
    handle: str | None = None
    batch_size: int = Field(32, gt=0, le=MAX_INTEGER)
    azure_endpoint: str | None = None
    azure_version: str | None = None
    azure_deployment: str | None = None


_IDENTITY = (
    "model",
    "display_name",
    "model_endpoint_type",
    "model_endpoint",
    "provider_name",
    "provider_category",
    "handle",
    "compatibility_type",
)
"""Fields that say which model it is; only the catalog sets them."""


def default_context_window(model: LlmModel) -> int:
    """Tokens given to an agent that asks for no window."""
    return min(model.context_window, settings.global_max_context_window_limit)


def default_max_tokens(model: LlmModel) -> int:
    """Output limit of an agent that asks for none: the model's own, at most 16,384 and half of its context."""
    return min(model.max_output_tokens or MAX_OUTPUT_TOKENS, MAX_OUTPUT_TOKENS, max(1, model.context_window // 2))


def llm_config_from(
    model: LlmModel,
    *,
    agent_type: str,
    context_window_limit: int | None = None,
    max_tokens: int | None = None,
    enable_reasoner: bool = True,
    max_reasoning_tokens: int | None = None,
    parallel_tool_calls: bool | None = None,
) -> JsonObject:
    """The ``llm_config`` of a new agent. An explicit window is taken as it is, even above the model's own."""
    thinks_in_arguments = traits_of(agent_type).thinks_in_arguments and not model.reasoning
    config = LLMConfig(
        **_identity(model),
        context_window=context_window_limit or default_context_window(model),
        put_inner_thoughts_in_kwargs=thinks_in_arguments,
        max_tokens=max_tokens or default_max_tokens(model),
        enable_reasoner=enable_reasoner and (model.reasoning or thinks_in_arguments),
        max_reasoning_tokens=max_reasoning_tokens or 0,
        verbosity="medium" if model.name.startswith(_VERBOSE_MODELS) else None,
        parallel_tool_calls=bool(parallel_tool_calls),
    )
    return config.model_dump()


def with_given_config(config: JsonObject, given: LLMConfig) -> JsonObject:
    """A new agent's ``llm_config`` with the fields of one that the client sent (a deprecated way to set them)."""
    return config | {name: value for name, value in given.given().items() if name not in _IDENTITY}


def with_other_model(config: JsonObject, old: LlmModel | None, new: LlmModel, *, agent_type: str) -> JsonObject:
    """``config`` moved to another model.

    The window becomes the default of a different model. Temperature, formats, parallel calls and the like are kept; an
    output limit that somebody chose is kept as far as the new model allows it; what only reasoning models know goes
    when the new one is none. ``old`` is the model so far, None where the catalog no longer has it.
    """
    fresh = llm_config_from(new, agent_type=agent_type)
    kept = {name: value for name, value in config.items() if name in fresh and name not in _IDENTITY}
    if config.get("handle") != new.handle:
        kept["context_window"] = fresh["context_window"]
    kept["put_inner_thoughts_in_kwargs"] = fresh["put_inner_thoughts_in_kwargs"]
    kept["max_tokens"] = _kept_max_tokens(config.get("max_tokens"), old, new)
    kept["verbosity"] = config.get("verbosity") or fresh["verbosity"] if fresh["verbosity"] else None
    if not new.reasoning:
        kept |= {
            name: fresh[name] for name in ("enable_reasoner", "reasoning_effort", "max_reasoning_tokens", "effort")
        }
    elif old is None or not old.reasoning:
        kept["enable_reasoner"] = True
    return fresh | kept


def _kept_max_tokens(limit: int | None, old: LlmModel | None, new: LlmModel) -> int:
    default = default_max_tokens(new)
    chosen = limit is not None and limit != (default_max_tokens(old) if old else MAX_OUTPUT_TOKENS)
    return min(limit, new.max_output_tokens or limit) if chosen and limit is not None else default


def _identity(model: LlmModel) -> JsonObject:
    return {
        "model": model.name,
        "model_endpoint_type": model.endpoint_type,
        "model_endpoint": model.endpoint,
        "provider_name": model.provider_name,
        "provider_category": model.provider_category,
        "handle": model.handle,
    }


def embedding_config_from(model: EmbeddingModel, *, chunk_size: int | None = None) -> JsonObject:
    """The ``embedding_config`` of an agent or archive."""
    config = EmbeddingConfig(
        embedding_endpoint_type=model.endpoint_type,
        embedding_endpoint=model.endpoint,
        embedding_model=model.name,
        embedding_dim=model.dimensions,
        embedding_chunk_size=chunk_size or DEFAULT_EMBEDDING_CHUNK_SIZE,
        handle=model.handle,
        batch_size=model.batch_size,
    )
    return config.model_dump()
