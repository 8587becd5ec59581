"""Configurations of models, completed where older versions wrote less, and without what can't be used."""

from pydantic import ValidationError

from letta.agents.model_config import EmbeddingConfig, LLMConfig
from letta.constants import DEFAULT_CONTEXT_WINDOW
from letta.json_types import JsonObject
from letta.legacy.reading import Reading
from letta.legacy.values import parsed_object
from letta.llm.configured import SETTINGS
from letta.schema import Schema

_ENDPOINT_TYPES = {"lmstudio": "lmstudio_openai"}


def llm_config(reading: Reading, owner: str, written: str | None) -> JsonObject:
    """An agent's model and how it is called, complete."""
    given = parsed_object(written)
    name = given.get("model")
    needed: JsonObject = {
        "model": name if isinstance(name, str) and name else "unknown",
        "model_endpoint_type": "openai",
    }
    window = given.get("context_window")
    needed["context_window"] = window if isinstance(window, int) and window > 0 else DEFAULT_CONTEXT_WINDOW
    config = _complete(reading, owner, LLMConfig, needed, given)
    if config["provider_name"] is None:
        config["provider_name"] = _provider_name(config)
    if config["handle"] is None:
        config["handle"] = f"{config['provider_name']}/{config['model']}"
    if config["provider_name"] not in reading.facts.providers:
        name = config["provider_name"]
        reading.notes.add(
            f"Agents with models of {name}, which is not configured on this server: see docs/models.md", owner
        )
    return config


def _provider_name(config: JsonObject) -> str:
    """The provider of a model that older versions told by its handle, or by how it is spoken with."""
    prefix = (config["handle"] or "").partition("/")[0].removesuffix("-proxy")
    kind: str = config["model_endpoint_type"]
    return prefix if prefix in SETTINGS else _ENDPOINT_TYPES.get(kind, kind)


def embedding_config(reading: Reading, owner: str, written: str | None) -> JsonObject | None:
    """An embedding model, complete; None where there is none."""
    given = parsed_object(written)
    name = given.get("embedding_model")
    if not isinstance(name, str) or not name:
        return None
    needed = {"embedding_model": name, "embedding_endpoint_type": "openai", "embedding_dim": 1536}
    return _complete(reading, owner, EmbeddingConfig, needed, given)


def _complete(reading: Reading, owner: str, schema: type[Schema], needed: JsonObject, given: JsonObject) -> JsonObject:
    """What was given, where it can be used; else the default."""
    fields = {name: value for name, value in given.items() if value is not None and name in schema.model_fields}
    while True:
        try:
            return schema.model_validate(needed | fields).model_dump()
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in error.errors()} & fields.keys()
            if not wrong:
                raise
            for name in sorted(wrong):
                reading.notes.add(f"{name} of a model could not be used and was set to its default", owner)
                del fields[name]
