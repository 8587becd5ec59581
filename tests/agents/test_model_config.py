"""The configuration that an agent's model is called with."""

from dataclasses import replace

import pytest

from letta.agents.model_config import (
    LLMConfig,
    default_max_tokens,
    embedding_config_from,
    llm_config_from,
    with_given_config,
    with_other_model,
)
from letta.llm.handles import EmbeddingModel, LlmModel
from letta.settings import settings

MINI = LlmModel(
    handle="openai/gpt-4o-mini",
    name="gpt-4o-mini",
    provider_name="openai",
    provider_type="openai",
    endpoint_type="openai",
    endpoint="http://model/v1",
    context_window=128_000,
    max_output_tokens=16_384,
)
GPT5 = replace(
    MINI,
    handle="openai/gpt-5-mini",
    name="gpt-5-mini",
    context_window=272_000,
    max_output_tokens=128_000,
    reasoning=True,
)
SMALL = replace(MINI, handle="vllm/small", name="small", context_window=8_192, max_output_tokens=None)


def test_defaults_of_a_plain_model() -> None:
    config = llm_config_from(MINI, agent_type="letta_v1_agent")
    assert config["handle"] == "openai/gpt-4o-mini"
    assert config["model"] == "gpt-4o-mini"
    assert config["model_endpoint"] == "http://model/v1"
    assert (config["temperature"], config["max_tokens"], config["context_window"]) == (1.0, 16_384, 128_000)
    assert config["parallel_tool_calls"] is False
    assert config["put_inner_thoughts_in_kwargs"] is False
    assert config["enable_reasoner"] is False
    assert config["verbosity"] is None


def test_all_fields_of_the_contract_are_there() -> None:
    assert set(llm_config_from(MINI, agent_type="letta_v1_agent")) == set(LLMConfig.model_fields)


def test_types_that_speak_through_a_tool_think_in_arguments_unless_the_model_reasons() -> None:
    assert llm_config_from(MINI, agent_type="memgpt_agent")["put_inner_thoughts_in_kwargs"] is True
    assert llm_config_from(GPT5, agent_type="memgpt_agent")["put_inner_thoughts_in_kwargs"] is False


def test_reasoning_models_reason_unless_told_not_to() -> None:
    assert llm_config_from(GPT5, agent_type="letta_v1_agent")["enable_reasoner"] is True
    assert llm_config_from(GPT5, agent_type="letta_v1_agent")["verbosity"] == "medium"
    assert llm_config_from(GPT5, agent_type="letta_v1_agent", enable_reasoner=False)["enable_reasoner"] is False


def test_the_window_is_capped_unless_one_is_asked_for() -> None:
    assert llm_config_from(GPT5, agent_type="letta_v1_agent")["context_window"] == 128_000
    asked = llm_config_from(MINI, agent_type="letta_v1_agent", context_window_limit=900_000)
    assert asked["context_window"] == 900_000


def test_the_cap_of_the_window_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "global_max_context_window_limit", 9_000)
    assert llm_config_from(MINI, agent_type="letta_v1_agent")["context_window"] == 9_000


def test_the_answer_of_a_small_model_leaves_room_for_the_question() -> None:
    assert default_max_tokens(SMALL) == 4_096


def test_a_given_config_cannot_redirect_the_server() -> None:
    config = llm_config_from(MINI, agent_type="letta_v1_agent")
    given = LLMConfig(
        model="x", model_endpoint_type="anthropic", model_endpoint="http://evil", context_window=5_000, temperature=0.1
    )
    merged = with_given_config(config, given)
    assert (merged["temperature"], merged["context_window"]) == (0.1, 5_000)
    assert (merged["model"], merged["model_endpoint"]) == ("gpt-4o-mini", "http://model/v1")


def test_another_model_keeps_what_the_user_chose() -> None:
    config = llm_config_from(MINI, agent_type="letta_v1_agent")
    config |= {"temperature": 0.2, "parallel_tool_calls": True, "max_tokens": 900, "context_window": 5_000}
    moved = with_other_model(config, MINI, GPT5, agent_type="letta_v1_agent")
    assert moved["handle"] == "openai/gpt-5-mini"
    assert (moved["temperature"], moved["parallel_tool_calls"], moved["max_tokens"]) == (0.2, True, 900)
    assert moved["context_window"] == 128_000
    assert (moved["enable_reasoner"], moved["verbosity"]) == (True, "medium")


def test_another_model_does_not_keep_what_was_only_a_default() -> None:
    config = llm_config_from(SMALL, agent_type="letta_v1_agent")
    assert with_other_model(config, SMALL, MINI, agent_type="letta_v1_agent")["max_tokens"] == 16_384


def test_an_output_limit_is_cut_to_what_the_new_model_allows() -> None:
    config = llm_config_from(GPT5, agent_type="letta_v1_agent") | {"max_tokens": 100_000}
    assert with_other_model(config, GPT5, MINI, agent_type="letta_v1_agent")["max_tokens"] == 16_384


def test_a_model_that_does_not_reason_gets_no_reasoning_settings() -> None:
    config = llm_config_from(GPT5, agent_type="letta_v1_agent") | {"reasoning_effort": "low", "max_reasoning_tokens": 9}
    moved = with_other_model(config, GPT5, MINI, agent_type="letta_v1_agent")
    names = ("enable_reasoner", "reasoning_effort", "max_reasoning_tokens", "verbosity")
    assert [moved[name] for name in names] == [False, None, 0, None]


def test_the_same_model_again_keeps_the_window() -> None:
    config = llm_config_from(MINI, agent_type="letta_v1_agent", context_window_limit=5_000)
    assert with_other_model(config, MINI, MINI, agent_type="letta_v1_agent") == config


def test_embedding_config() -> None:
    model = EmbeddingModel("openai/e", "e", "openai", "openai", "openai", "http://model/v1", dimensions=1536)
    config = embedding_config_from(model)
    assert (config["handle"], config["embedding_model"], config["embedding_dim"]) == ("openai/e", "e", 1536)
    assert (config["embedding_chunk_size"], config["batch_size"]) == (300, 32)
    assert embedding_config_from(model, chunk_size=100)["embedding_chunk_size"] == 100
