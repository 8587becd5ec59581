"""Which models an imported agent uses: those of the file as far as they are offered here, or others asked for."""

from types import NoneType
from typing import NamedTuple, get_args

from pydantic import ValidationError

from letta.agent_files.reading import problems
from letta.agent_files.schemas import AgentInFile, FolderInFile
from letta.agents.model_config import EmbeddingConfig, LLMConfig, llm_config_from, with_other_model
from letta.errors import InvalidArgumentError, LettaError, NotFoundError
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.schema import Schema
from letta.settings import settings

_LLM = {"model": "", "model_endpoint_type": "", "context_window": 1}
_EMBEDDING = {"embedding_model": "", "embedding_endpoint_type": "", "embedding_dim": 1}
"""What a configuration in a file may lack, as it is known of the model here."""


class ChosenLlm(NamedTuple):
    """A model that is offered here, and the complete ``llm_config`` to call it with."""

    handle: str
    config: JsonObject


async def choose_llm(
    catalog: Catalog, agent: AgentInFile, override: str | None, warnings: list[str]
) -> ChosenLlm | None:
    """The model of an agent; None where neither the file nor the request names one.

    Raises:
        NotFoundError: no provider offers the model; it names those that are.
        InvalidArgumentError: the configuration in the file can't be used.
    """
    config = _configuration(LLMConfig, agent.llm_config, _LLM)
    if override is not None:
        model = await catalog.resolve_llm(override)
        return ChosenLlm(model.handle, _moved(catalog, config, model, agent.agent_type))
    handle, name = agent.model or config.get("handle"), config.get("model")
    if not handle and not name:
        return None
    model = await _offered(catalog, handle, name, warnings)
    fresh = llm_config_from(model, agent_type=agent.agent_type)
    return ChosenLlm(model.handle, fresh | config | {field: fresh[field] for field in _IDENTITY})


async def choose_embedding(
    catalog: Catalog, item: AgentInFile | FolderInFile, override: str | None, warnings: list[str]
) -> str | None:
    """Handle of the embedding model; None for the server's default one, or none.

    Raises:
        InvalidArgumentError: the model asked for isn't offered; it names those that are.
    """
    if override is not None:
        return (await catalog.resolve_embedding(override)).handle
    config = _configuration(EmbeddingConfig, item.embedding_config, _EMBEDDING)
    handle, name = item.embedding or config.get("handle"), config.get("embedding_model")
    if not handle and not name:
        return None
    found = await _offered_embedding(catalog, handle, name)
    if found is None:
        used = settings.default_embedding_handle or "none; texts are found by keywords only"
        warnings.append(
            f"The embedding model {handle or name} is not available on this server. Used instead: {used}. Set "
            "'embedding' to choose another one."
        )
    return found.handle if found else None


_IDENTITY = ("model", "model_endpoint_type", "model_endpoint", "provider_name", "provider_category", "handle")
"""What a configuration says of the model itself, and only the catalog knows."""


def _configuration(schema: type[Schema], given: JsonObject | None, needed: JsonObject) -> JsonObject:
    """The fields of a configuration that the file has."""
    fields = {name: value for name, value in (given or {}).items() if value is not None or _nullable(schema, name)}
    try:
        config = schema.model_validate(needed | fields)
    except ValidationError as error:
        name = "llm_config" if schema is LLMConfig else "embedding_config"
        raise InvalidArgumentError(
            f"{name} in the agent file is not valid: {problems(error)}. Correct the agent file."
        ) from None
    return {name: value for name, value in config.model_dump().items() if name in fields}


def _nullable(schema: type[Schema], name: str) -> bool:
    field = schema.model_fields.get(name)
    return field is not None and NoneType in get_args(field.annotation)


async def _offered(catalog: Catalog, handle: str | None, name: str | None, warnings: list[str]) -> LlmModel:
    """The model of the handle; else one that has the same name with another provider."""
    try:
        return await catalog.resolve_llm(handle or "")
    except LettaError as error:
        same = next((model for model in catalog.llms() if model.name == name), None)
        if same is None:
            reason = error.detail if handle else f"No configured provider offers the model '{name}'."
            raise NotFoundError(f"{reason} Set 'model' to the handle of the model that the agent should use.") from None
        if handle:
            warnings.append(f"The model {handle} is not available on this server. Used instead: {same.handle}.")
        return same


async def _offered_embedding(catalog: Catalog, handle: str | None, name: str | None) -> EmbeddingModel | None:
    try:
        return await catalog.resolve_embedding(handle or "")
    except LettaError:
        return next((model for model in catalog.embeddings() if model.name == name), None)


def _moved(catalog: Catalog, config: JsonObject, model: LlmModel, agent_type: str) -> JsonObject:
    """The configuration for another model. The size of the context stays, as far as the model has as much."""
    old = next((known for known in catalog.llms() if known.handle == config.get("handle")), None)
    moved = with_other_model(llm_config_from(model, agent_type=agent_type) | config, old, model, agent_type=agent_type)
    if "context_window" in config:
        moved["context_window"] = min(config["context_window"], model.context_window)
    return moved
