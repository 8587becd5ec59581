"""Which model a turn calls."""

from dataclasses import dataclass
from typing import Any

from letta.llm.catalog import Catalog
from letta.llm.handles import LlmModel
from letta.llm.provider import Provider
from letta.turn.turn import Turn

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model's configuration (an ``llm_config``) and the provider to call."""

    config: JsonObject
    provider: Provider


class ModelSource:
    """Finds the model for a turn: the request's, else the conversation's, else the agent's."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def of(self, turn: Turn) -> ModelChoice:
        """The model of this turn.

        Raises:
            NotFoundError: its handle is not offered by any configured provider.
        """
        handle = turn.options.override_model or turn.conversation.model
        config = turn.agent.llm_config
        if handle is not None and handle != config.get("handle"):
            config = config_for(config, self._catalog.llm(handle))
        provider = self._catalog.provider(config["provider_name"])
        return ModelChoice(config, provider)

    def with_handle(self, config: JsonObject, handle: str) -> ModelChoice:
        """Another model, with what of a configuration isn't the model's own.

        Raises:
            LettaError: no configured provider offers it.
        """
        other = config_for(config, self._catalog.llm(handle))
        return ModelChoice(other, self._catalog.provider(other["provider_name"]))


def config_for(config: JsonObject, model: LlmModel) -> JsonObject:
    """An ``llm_config`` moved to another model; settings that aren't the model's own stay."""
    return config | {
        "handle": model.handle,
        "model": model.name,
        "model_endpoint": model.endpoint,
        "model_endpoint_type": model.endpoint_type,
        "provider_name": model.provider_name,
        "provider_category": model.provider_category,
        "context_window": min(config.get("context_window") or model.context_window, model.context_window),
    }
