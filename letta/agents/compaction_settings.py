"""How an agent's history is summarized once it no longer fits: the settings, complete as they are stored."""

from collections.abc import Callable
from typing import Literal

from pydantic import Field

from letta.agents.model_settings import MAX_INTEGER, ModelSettings
from letta.agents.prompts import compaction_prompt
from letta.json_types import JsonObject
from letta.schema import Schema

Mode = Literal["all", "sliding_window", "self_compact_all", "self_compact_sliding_window"]

_SUMMARIZERS = {
    "openai": "openai/gpt-5-mini",
    "anthropic": "anthropic/claude-haiku-4-5",
    "google_ai": "google_ai/gemini-2.5-flash",
}
"""Small models that summarize well, by kind of provider."""


class CompactionSettings(Schema):
    """When and how older messages give way to a summary."""

    model: str | None = Field(None, description="Handle of the model that writes the summary.")
    model_settings: ModelSettings | None = None
    prompt: str | None = Field(None, description="Prompt for the summarizer. By default, a prompt that fits the mode.")
    prompt_acknowledgement: bool = False
    clip_chars: int | None = Field(50_000, gt=0, le=MAX_INTEGER, description="Longest summary, in characters.")
    mode: Mode = "sliding_window"
    sliding_window_percentage: float = Field(0.3, gt=0, lt=1, description="Share of the context window to free.")


def default_summarizer(llm_config: JsonObject, known: Callable[[str], bool]) -> str | None:
    """Handle of the model that summarizes for an agent: its provider's small one where it's offered, else its own."""
    handle = _SUMMARIZERS.get(llm_config["model_endpoint_type"])
    if handle is not None and known(handle):
        return handle
    own: str | None = llm_config.get("handle")
    return own


def compaction_settings_from(given: CompactionSettings | None, summarizer: str | None) -> JsonObject:
    """The settings of a new agent."""
    complete = (given or CompactionSettings()).model_dump()
    complete["model"] = complete["model"] or summarizer
    complete["prompt"] = complete["prompt"] or compaction_prompt(complete["mode"])
    return complete


def changed_compaction_settings(
    stored: JsonObject | None, given: CompactionSettings, summarizer: str | None
) -> JsonObject:
    """``stored`` with the fields that were sent. Another mode brings its own prompt, unless one was sent as well."""
    if stored is None:
        return compaction_settings_from(given, summarizer)
    changes = given.given()
    changed = stored | changes
    if changed["mode"] != stored["mode"] and not changes.get("prompt"):
        changed["prompt"] = compaction_prompt(changed["mode"])
    changed["prompt"] = changed["prompt"] or compaction_prompt(changed["mode"])
    changed["model"] = changed["model"] or summarizer
    return changed
