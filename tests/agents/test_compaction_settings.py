"""Compaction settings, as they are stored."""

from typing import Any, get_args

import pytest

from letta.agents.agent_types import AgentType
from letta.agents.compaction_settings import (
    CompactionSettings,
    Mode,
    changed_compaction_settings,
    compaction_settings_from,
    default_summarizer,
)
from letta.agents.prompts import compaction_prompt, system_prompt


def given(**fields: Any) -> CompactionSettings:
    return CompactionSettings.model_validate(fields)


def test_defaults_are_complete() -> None:
    stored = compaction_settings_from(None, "openai/gpt-5-mini")
    assert stored == {
        "model": "openai/gpt-5-mini",
        "model_settings": None,
        "prompt": compaction_prompt("sliding_window"),
        "prompt_acknowledgement": False,
        "clip_chars": 50_000,
        "mode": "sliding_window",
        "sliding_window_percentage": 0.3,
    }


def test_what_is_given_stays() -> None:
    stored = compaction_settings_from(given(mode="all", prompt="Short.", model="a/b"), "c/d")
    assert (stored["mode"], stored["prompt"], stored["model"]) == ("all", "Short.", "a/b")


def test_another_mode_brings_its_own_prompt() -> None:
    stored = compaction_settings_from(None, "a/b")
    assert changed_compaction_settings(stored, given(mode="all"), "a/b")["prompt"] == compaction_prompt("all")
    changed = changed_compaction_settings(stored, given(mode="all", prompt="Mine."), "a/b")
    assert changed["prompt"] == "Mine."


def test_a_change_keeps_the_rest() -> None:
    stored = compaction_settings_from(given(prompt="Mine.", clip_chars=9), "a/b")
    changed = changed_compaction_settings(stored, given(sliding_window_percentage=0.5), "x/y")
    assert changed == stored | {"sliding_window_percentage": 0.5}


def test_settings_can_be_added_to_an_agent_that_has_none() -> None:
    assert changed_compaction_settings(None, given(clip_chars=9), "a/b")["clip_chars"] == 9


@pytest.mark.parametrize(
    ("endpoint_type", "known", "handle"),
    [
        ("openai", {"openai/gpt-5-mini"}, "openai/gpt-5-mini"),
        ("openai", set(), "own/model"),
        ("groq", {"openai/gpt-5-mini"}, "own/model"),
    ],
)
def test_the_summarizer_is_one_that_is_offered(endpoint_type: str, known: set[str], handle: str) -> None:
    config = {"model_endpoint_type": endpoint_type, "handle": "own/model"}
    assert default_summarizer(config, known.__contains__) == handle


@pytest.mark.parametrize("mode", get_args(Mode))
def test_each_mode_has_a_prompt(mode: str) -> None:
    assert len(compaction_prompt(mode)) > 200


@pytest.mark.parametrize("agent_type", get_args(AgentType))
def test_each_type_of_agent_has_a_system_prompt(agent_type: str) -> None:
    assert len(system_prompt(agent_type)) > 200


def test_prompts_of_agents_with_blocks_say_where_they_are() -> None:
    for agent_type in ("letta_v1_agent", "memgpt_agent", "memgpt_v2_agent", "sleeptime_agent"):
        assert "<memory_blocks>" in system_prompt(agent_type)
