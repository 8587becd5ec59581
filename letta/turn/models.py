"""Which model a turn calls."""

from dataclasses import dataclass

from pydantic import TypeAdapter

from letta.agents.model_config import handles_of
from letta.agents.model_settings import ModelSettings
from letta.agents.settings_translation import with_settings
from letta.conversations.conversation import Conversation
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog, Catalogs
from letta.llm.handles import LlmModel
from letta.llm.provider import Provider
from letta.turn.turn import Turn

_SETTINGS: TypeAdapter[ModelSettings] = TypeAdapter(ModelSettings)


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model's configuration (an ``llm_config``) and the provider to call."""

    config: JsonObject
    provider: Provider


class ModelSource:
    """Finds the model for a turn: the request's, else the conversation's, else the agent's."""

    def __init__(self, catalogs: Catalogs) -> None:
        self._catalogs = catalogs

    async def prepare(self, turn: Turn) -> None:
        """Look up the providers that the turn needs, where they aren't those of the environment."""
        summarizer = (turn.agent.compaction_settings or {}).get("model")
        chosen = turn.options.override_model or turn.conversation.model
        handles = (chosen, summarizer, *handles_of(turn.agent.llm_config))
        turn.catalog = await self._catalogs.of(turn.actor.organization_id, *handles)

    def of(self, turn: Turn) -> ModelChoice:
        """The model of this turn, which was prepared.

        Raises:
            NotFoundError: its handle is not offered by any configured provider.
        """
        conversation, override = turn.conversation, turn.options.override_model
        handle = override or conversation.model
        config = turn.agent.llm_config
        if handle is not None and handle != config.get("handle"):
            config = config_for(config, _known(turn).llm(handle))
        if override is None:
            config = _of_conversation(config, conversation)
        provider = _known(turn).provider(config["provider_name"])
        return ModelChoice(config, provider)

    def with_handle(self, turn: Turn, config: JsonObject, handle: str) -> ModelChoice:
        """Another model, with what of a configuration isn't the model's own.

        Raises:
            LettaError: no configured provider offers it.
        """
        other = config_for(config, _known(turn).llm(handle))
        return ModelChoice(other, _known(turn).provider(other["provider_name"]))


def _known(turn: Turn) -> Catalog:
    if turn.catalog is None:
        raise AssertionError("the turn was not prepared")
    return turn.catalog


def _of_conversation(config: JsonObject, conversation: Conversation) -> JsonObject:
    """The configuration with what a conversation has of its own."""
    if conversation.model_settings is not None:
        config = with_settings(config, _SETTINGS.validate_python(conversation.model_settings), fill=False)
    if conversation.context_window_limit is not None:
        config = config | {"context_window": conversation.context_window_limit}
    return config


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
