"""What calls cost, and how many tokens texts take."""

from datetime import UTC, datetime

import pytest

from letta.llm import tokens
from letta.llm.cost import cost_usd
from letta.llm.tokens import estimate, estimate_tokens, observe
from letta.llm.usage import Usage

WHEN = datetime(2026, 10, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _nothing_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_ratios", type(tokens._ratios)())


@pytest.mark.parametrize(
    ("provider", "model", "dollars"),
    [("openai", "gpt-4o-mini", 0.75), ("anthropic", "claude-haiku-4-5", 6.0), ("google_ai", "gemini-2.5-flash", 2.8)],
)
def test_list_prices_of_a_million_tokens_each_way(provider: str, model: str, dollars: float) -> None:
    used = Usage(prompt_tokens=1_000_000, completion_tokens=1_000_000)
    assert cost_usd(provider, model, used, at=WHEN) == pytest.approx(dollars)


def test_what_was_cached_costs_less() -> None:
    fresh = Usage(prompt_tokens=1000, completion_tokens=10)
    cached = Usage(prompt_tokens=1000, completion_tokens=10, cached_input_tokens=900)
    written = Usage(prompt_tokens=1000, completion_tokens=10, cache_write_tokens=900)
    prices = [cost_usd("anthropic", "claude-haiku-4-5", used, at=WHEN) for used in (cached, fresh, written)]
    assert prices == sorted(price for price in prices if price is not None)


def test_what_has_no_price() -> None:
    used = Usage(prompt_tokens=1000)
    assert cost_usd("ollama", "gpt-oss", used) is None
    assert cost_usd("openai", "never-heard-of", used) is None
    assert cost_usd("", "gpt-4o", used) is None


def test_an_estimate_before_anything_is_known() -> None:
    assert estimate_tokens("héllo wörld", "openai/gpt-4o") == estimate("héllo wörld") == 4


def test_a_models_own_counts_count() -> None:
    """Other tokenizers than OpenAI's find up to half as many tokens more: the former server never learnt it."""
    observe("anthropic/claude-opus-5", 300_000, 100_000)
    assert estimate_tokens("x" * 300, "anthropic/claude-opus-5") == 100
    assert estimate_tokens("x" * 400, "openai/gpt-4o") == 100


def test_later_counts_count_more() -> None:
    for _ in range(20):
        observe("a/b", 1000, 250)
    for _ in range(20):
        observe("a/b", 1000, 500)
    assert estimate_tokens("x" * 1000, "a/b") == pytest.approx(500, rel=0.01)


@pytest.mark.parametrize("counted", [0, 10, 5_000_000])
def test_counts_that_cannot_be_right_are_left_out(counted: int) -> None:
    observe("local/model", 100_000, counted)
    assert estimate_tokens("x" * 400, "local/model") == 100


def test_only_so_many_models_are_remembered() -> None:
    for number in range(1000):
        observe(f"a/{number}", 1000, 500)
    assert len(tokens._ratios) == 256
    assert estimate_tokens("x" * 100, "a/999") == 50
