"""How agents' histories are summarized. Prompts that came with the former server give way to our own."""

from typing import Any

from pydantic import ValidationError

from letta.agents.compaction_settings import CompactionSettings, compaction_settings_from
from letta.json_types import JsonObject
from letta.legacy.reading import Reading
from letta.legacy.values import parsed

_DEFAULT_LENGTHS = {2182}
"""Lengths of the prompts that the former server filled in where nobody chose one."""


def compaction_settings(reading: Reading, agent_id: str, written: str | None, llm_config: JsonObject) -> JsonObject:
    """An agent's settings, complete."""
    given = parsed(written)
    fields = dict(given) if isinstance(given, dict) else {}
    if is_default_prompt(fields.get("prompt")):
        fields.pop("prompt")
    return compaction_settings_from(_valid(reading, agent_id, fields), llm_config["handle"])


def is_default_prompt(prompt: Any) -> bool:
    """Whether a prompt came with the former server."""
    return isinstance(prompt, str) and (len(prompt) in _DEFAULT_LENGTHS or prompt.startswith("<redacted prose"))


def _valid(reading: Reading, agent_id: str, fields: JsonObject) -> CompactionSettings:
    while True:
        try:
            return CompactionSettings.model_validate(fields)
        except ValidationError as error:
            wrong = {str(problem["loc"][0]) for problem in error.errors()} & fields.keys()
            if not wrong:
                raise
            for name in sorted(wrong):
                reading.notes.add(
                    f"{name} of compaction settings could not be used and was set to its default", agent_id
                )
                del fields[name]
