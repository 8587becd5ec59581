"""Which part of a context gives way to a summary."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.messages.message import Message, Role
from letta.turn.compaction_plan import plan_compaction

WINDOW = 1000


def _context(roles: Sequence[Role]) -> list[Message]:
    return [Message(role, "agent", "conversation", step_id=f"step-{n // 2}") for n, role in enumerate(roles)]


def _talk(pairs: int) -> list[Message]:
    exchange: list[Role] = ["user", "assistant"]
    return _context(["system", *(exchange * pairs)])


def test_a_sliding_window_evicts_its_percentage_and_begins_at_an_answer() -> None:
    context = _talk(6)
    plan = plan_compaction(context, "sliding_window", 0.3, WINDOW, lambda _: 1)
    assert plan is not None
    assert (len(plan.evicted), len(plan.kept)) == (3, 9)
    assert plan.kept[0].role == "assistant"


def test_a_single_exchange_gives_way_as_a_whole() -> None:
    context = _talk(1)
    plan = plan_compaction(context, "sliding_window", 0.3, WINDOW, lambda _: 1)
    assert plan is not None
    assert (plan.evicted, plan.kept) == (context[1:], [])


def test_more_is_evicted_until_the_rest_fits() -> None:
    context = _talk(10)
    plan = plan_compaction(context, "sliding_window", 0.3, WINDOW, lambda _: 100)
    assert plan is not None
    assert (1 + len(plan.kept)) * 100 <= 700


def test_where_nothing_fits_all_is_evicted() -> None:
    context = _talk(4)
    plan = plan_compaction(context, "sliding_window", 0.3, WINDOW, lambda _: 5000)
    assert plan is not None
    assert (plan.evicted, plan.kept) == (context[1:], [])


@pytest.mark.parametrize("mode", ["all", "self_compact_all"])
def test_mode_all_keeps_a_request_for_approval_with_its_row(mode: str) -> None:
    context = _context(["system", "user", "assistant", "user", "assistant", "approval"])
    context[4].step_id = context[5].step_id = "step-x"
    plan = plan_compaction(context, mode, 0.3, WINDOW, lambda _: 1)
    assert plan is not None
    assert plan.kept == context[4:]


@pytest.mark.parametrize("context", [[], _context(["system"]), _context(["system", "approval"])])
def test_there_may_be_nothing_to_evict(context: list[Message]) -> None:
    assert plan_compaction(context, "all", 0.3, WINDOW, lambda _: 1) is None


@given(
    roles=st.lists(st.sampled_from(["user", "assistant", "tool", "summary"]), min_size=1, max_size=40),
    percentage=st.floats(0.05, 0.95),
    tokens=st.integers(0, 400),
    mode=st.sampled_from(["sliding_window", "all", "self_compact_sliding_window"]),
)
def test_nothing_is_lost_or_doubled(roles: list[Role], percentage: float, tokens: int, mode: str) -> None:
    context = _context(["system", *roles])
    plan = plan_compaction(context, mode, percentage, WINDOW, lambda _: tokens)
    assert plan is not None
    assert plan.evicted
    assert [context[0], *plan.evicted, *plan.kept] == context
