"""Which models an agent uses, by what a request says and the catalog offers."""

from collections.abc import Callable, Iterable

from letta.agents.model_config import (
    EmbeddingConfig,
    LLMConfig,
    embedding_config_from,
    llm_config_from,
    with_given_config,
    with_other_model,
)
from letta.agents.schemas import CreateAgent, UpdateAgent
from letta.agents.settings_translation import with_settings
from letta.errors import InvalidArgumentError
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.settings import settings


async def look_up(catalog: Catalog, body: CreateAgent | UpdateAgent) -> None:
    """Make sure that the catalog knows the models which a request names, asking their providers if need be.

    Raises:
        InvalidArgumentError: a name isn't a handle, or the embedding model is unknown.
        NotFoundError: no provider offers the model.
    """
    if body.model is not None:
        await catalog.resolve_llm(body.model)
    if body.embedding is not None:
        await catalog.resolve_embedding(body.embedding)
    if isinstance(body, CreateAgent):
        await _look_up_defaults(catalog, body)


async def _look_up_defaults(catalog: Catalog, body: CreateAgent) -> None:
    if body.model is None and body.llm_config is None and settings.default_llm_handle:
        await catalog.resolve_llm(settings.default_llm_handle)
    if body.embedding is None and body.embedding_config is None and settings.default_embedding_handle:
        await catalog.resolve_embedding(settings.default_embedding_handle)


def llm_config_of(catalog: Catalog, body: CreateAgent) -> JsonObject:
    """The ``llm_config`` of a new agent.

    Raises:
        InvalidArgumentError: no model is named, or the name isn't a handle.
        NotFoundError: no provider offers the model.
    """
    reasoning = body.enable_reasoner if body.reasoning is None else body.reasoning
    config = llm_config_from(
        _model_of(catalog, body),
        agent_type=body.agent_type,
        context_window_limit=body.context_window_limit,
        max_tokens=body.max_tokens,
        enable_reasoner=reasoning is not False,
        max_reasoning_tokens=body.max_reasoning_tokens,
        parallel_tool_calls=body.parallel_tool_calls,
    )
    if body.llm_config is not None:
        given = {"context_window": body.context_window_limit, "max_tokens": body.max_tokens}
        config = with_given_config(config, body.llm_config) | _without_none(given)
    if body.model_settings is not None:
        config = with_settings(config, body.model_settings, fill=True)
    return config | _deprecated_settings(body)


def changed_llm_config(catalog: Catalog, config: JsonObject, agent_type: str, body: UpdateAgent) -> JsonObject:
    """The ``llm_config`` of an agent after the changes that a request asks for.

    Raises:
        InvalidArgumentError: the name of the model isn't a handle.
        NotFoundError: no provider offers the model.
    """
    model = _new_model(catalog, config, body)
    if model is not None:
        old = _find(catalog.llms(), config.get("handle"))
        config = with_other_model(config, old, model, agent_type=agent_type)
    if body.llm_config is not None:
        config = with_given_config(config, body.llm_config)
    if body.model_settings is not None:
        config = with_settings(config, body.model_settings, fill=False)
    given = {
        "context_window": body.context_window_limit,
        "max_tokens": body.max_tokens,
        "enable_reasoner": body.reasoning,
    }
    return config | _without_none(given) | _deprecated_settings(body)


def embedding_config_of(catalog: Catalog, body: CreateAgent) -> JsonObject | None:
    """The ``embedding_config`` of a new agent, None where no model is named and the server has no default one.

    Raises:
        InvalidArgumentError: the name isn't a handle.
        NotFoundError: no provider offers the model.
    """
    if body.embedding is None and body.embedding_config is not None:
        return _given_embedding(catalog, body.embedding_config)
    handle = body.embedding or settings.default_embedding_handle
    if handle is None:
        return None
    return embedding_config_from(catalog.embedding(handle), chunk_size=body.embedding_chunk_size)


def changed_embedding_config(catalog: Catalog, config: JsonObject | None, body: UpdateAgent) -> JsonObject | None:
    """The ``embedding_config`` of an agent after the changes that a request asks for."""
    if body.embedding is not None:
        chunk_size = (config or {}).get("embedding_chunk_size")
        return embedding_config_from(catalog.embedding(body.embedding), chunk_size=chunk_size)
    if body.embedding_config is not None:
        return _given_embedding(catalog, body.embedding_config)
    return config


def offers(catalog: Catalog) -> Callable[[str], bool]:
    """Tells whether some provider offers the model of a handle."""
    return lambda handle: _find(catalog.llms(), handle) is not None


def _model_of(catalog: Catalog, body: CreateAgent) -> LlmModel:
    if body.model is not None:
        return catalog.llm(body.model)
    if body.llm_config is not None:
        return _model_of_config(catalog, body.llm_config)
    if settings.default_llm_handle is not None:
        return catalog.llm(settings.default_llm_handle)
    raise InvalidArgumentError(
        "No model was given. Set 'model' to a handle such as openai/gpt-4o-mini (GET /v1/models lists the available "
        "ones), or set LETTA_DEFAULT_LLM_HANDLE on the server."
    )


def _new_model(catalog: Catalog, config: JsonObject, body: UpdateAgent) -> LlmModel | None:
    if body.model is not None:
        return catalog.llm(body.model)
    if body.llm_config is None:
        return None
    named = body.llm_config
    same = named.handle in {None, config.get("handle")} and named.model == config["model"]
    return None if same else _model_of_config(catalog, named)


def _model_of_config(catalog: Catalog, given: LLMConfig) -> LlmModel:
    """Keys and addresses are the server's own: a configuration may only name a model that the catalog knows."""
    if given.handle is not None:
        return catalog.llm(given.handle)
    found = next((model for model in catalog.llms() if model.name == given.model), None)
    if found is None:
        raise InvalidArgumentError(
            f"llm_config names the model '{given.model}', which no configured provider offers. "
            "Set 'model' to one of the handles that GET /v1/models lists."
        )
    return found


def _given_embedding(catalog: Catalog, given: EmbeddingConfig) -> JsonObject:
    if given.handle is not None:
        model = catalog.embedding(given.handle)
    else:
        model = _embedding_named(catalog.embeddings(), given.embedding_model)
    return embedding_config_from(model, chunk_size=given.embedding_chunk_size)


def _embedding_named(models: Iterable[EmbeddingModel], name: str) -> EmbeddingModel:
    found = next((model for model in models if model.name == name), None)
    if found is None:
        raise InvalidArgumentError(
            f"embedding_config names the model '{name}', which no configured provider offers. "
            "Set 'embedding' to one of the handles that GET /v1/models/embedding lists."
        )
    return found


def _find(models: Iterable[LlmModel], handle: str | None) -> LlmModel | None:
    return next((model for model in models if model.handle == handle), None)


def _deprecated_settings(body: CreateAgent | UpdateAgent) -> JsonObject:
    """Settings that once were fields of the agent; what ``model_settings`` says of them counts more."""
    in_settings = body.model_settings.model_fields_set if body.model_settings else set()
    given: JsonObject = {}
    if body.parallel_tool_calls is not None and "parallel_tool_calls" not in in_settings:
        given["parallel_tool_calls"] = body.parallel_tool_calls
    if body.response_format is not None and "response_format" not in in_settings:
        given["response_format"] = body.response_format.model_dump()
    return given


def _without_none(values: JsonObject) -> JsonObject:
    return {name: value for name, value in values.items() if value is not None}
