"""Which tools may be called next, and when a turn may end."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letta.system_message.rules import describe
from letta.turn.tool_rules import ToolRules

NAMES = ["a", "b", "c", "d"]
Rule = dict[str, Any]

tool_names = st.sampled_from(NAMES)
some_names = st.lists(tool_names, unique=True)
results = st.sampled_from(["true", "True", "1", "1.0", "0", "none", "yes", "", "[1]"])
rule_of_any_kind = st.one_of(
    st.fixed_dictionaries({"type": st.just("run_first"), "tool_name": st.sampled_from([*NAMES, "not attached"])}),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["exit_loop", "continue_loop", "required_before_exit"]), "tool_name": tool_names}
    ),
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(["constrain_child_tools", "parent_last_tool"]),
            "tool_name": tool_names,
            "children": some_names,
        }
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("conditional"),
            "tool_name": tool_names,
            "child_output_mapping": st.dictionaries(results, tool_names, max_size=3),
            "default_child": st.none() | tool_names,
            "require_output_mapping": st.booleans(),
        }
    ),
    st.fixed_dictionaries(
        {"type": st.just("max_count_per_step"), "tool_name": tool_names, "max_count_limit": st.integers(0, 3)}
    ),
    st.fixed_dictionaries({"type": st.just("requires_approval"), "tool_name": tool_names}),
)
any_rules = st.lists(rule_of_any_kind, max_size=6)
any_history = st.lists(st.tuples(tool_names, results), max_size=6)


def after(rule: Rule, *calls: tuple[str, str]) -> ToolRules:
    return ToolRules([rule], list(calls))


@given(any_rules, any_history)
def test_a_tool_is_allowed_exactly_if_no_rule_forbids_it(rules: list[Rule], history: list[tuple[str, str]]) -> None:
    together = ToolRules(rules, history)
    for name in NAMES:
        forbidding = [rule for rule in rules if ToolRules([rule], history).violations(name, NAMES)]
        first = [rule for rule in rules if rule["type"] == "run_first"]
        if not history and ToolRules(first, history).violations(name, NAMES) == []:
            forbidding = [rule for rule in forbidding if rule["type"] != "run_first"]  # any of several may be first
        assert (name in together.allowed(NAMES)) == (not forbidding)


@given(any_rules, any_history)
def test_more_rules_never_allow_more(rules: list[Rule], history: list[tuple[str, str]]) -> None:
    without_first = [rule for rule in rules if rule["type"] != "run_first"]
    fewer = set(ToolRules(without_first[1:], history).allowed(NAMES))
    assert set(ToolRules(without_first, history).allowed(NAMES)) <= fewer


@given(any_rules, some_names)
def test_a_first_step_is_never_without_a_tool_because_of_a_missing_one(rules: list[Rule], names: list[str]) -> None:
    first = [rule for rule in rules if rule["type"] == "run_first"]
    assert bool(ToolRules(first).allowed(names)) == bool(names)


@given(any_rules, st.lists(tool_names, max_size=8))
def test_max_count_per_step_counts_each_call_once(rules: list[Rule], tried: list[str]) -> None:
    limits = [rule for rule in rules if rule["type"] == "max_count_per_step"]
    solver = ToolRules(limits)
    for name in tried:
        if not solver.violations(name, NAMES):
            solver.record(name, "")
    for name in NAMES:
        lowest = min([rule["max_count_limit"] for rule in limits if rule["tool_name"] == name], default=len(tried))
        assert sum(1 for called, _ in solver.history if called == name) == min(lowest, tried.count(name))


@given(any_rules, any_history)
def test_every_rule_can_be_told_to_the_model(rules: list[Rule], history: list[tuple[str, str]]) -> None:
    silent = {"run_first", "required_before_exit", "requires_approval"}
    assert len(describe(rules)) == sum(rule["type"] not in silent for rule in rules)
    solver = ToolRules(rules, history)
    assert all(isinstance(why, str) and why for name in NAMES for why in solver.violations(name, NAMES))


def test_calls_planned_in_the_same_step_count() -> None:
    rules = after({"type": "max_count_per_step", "tool_name": "a", "max_count_limit": 2}, ("a", ""))
    assert not rules.violations("a", NAMES)
    assert rules.violations("a", NAMES, planned=["a"])
    assert not rules.violations("b", NAMES, planned=["a"])


def test_the_first_call_of_a_turn_is_forced() -> None:
    rule = {"type": "run_first", "tool_name": "a"}
    assert after(rule).allowed(NAMES) == ["a"]
    assert after(rule).forced(NAMES)
    assert not after(rule).forced(["b"])
    assert after(rule, ("a", "")).allowed(NAMES) == NAMES
    assert not after(rule, ("a", "")).forced(NAMES)


def test_children_follow_their_parent_at_once() -> None:
    rule = {"type": "constrain_child_tools", "tool_name": "a", "children": ["b"]}
    assert after(rule).allowed(NAMES) == NAMES
    assert after(rule, ("a", "")).allowed(NAMES) == ["b"]
    assert after(rule, ("a", "")).forced(NAMES)
    assert after(rule, ("a", ""), ("b", "")).allowed(NAMES) == NAMES


def test_children_of_a_parent_rule_follow_nothing_else() -> None:
    rule = {"type": "parent_last_tool", "tool_name": "a", "children": ["b"]}
    assert after(rule).allowed(NAMES) == ["a", "c", "d"]
    assert after(rule, ("a", "")).allowed(NAMES) == ["b"]
    assert after(rule, ("a", ""), ("c", "")).allowed(NAMES) == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("returned", "allowed"),
    [
        ("true", ["b"]),
        ("True", ["b"]),
        ("1", ["c"]),
        ("1.0", ["c"]),
        ("none", ["a"]),
        ("yes", ["d"]),
        ("Yes", NAMES),
        ("something else", NAMES),
    ],
)
def test_a_condition_compares_values_not_spellings(returned: str, allowed: list[str]) -> None:
    mapping = {"true": "b", "1": "c", "None": "a", "yes": "d"}
    rule = {"type": "conditional", "tool_name": "a", "child_output_mapping": mapping}
    assert after(rule, ("a", returned)).allowed(NAMES) == allowed


def test_a_condition_without_a_match_leads_to_its_default_or_nowhere() -> None:
    rule = {"type": "conditional", "tool_name": "a", "child_output_mapping": {"1": "b"}}
    assert after(rule | {"default_child": "c"}, ("a", "2")).allowed(NAMES) == ["c"]
    assert after(rule | {"require_output_mapping": True}, ("a", "2")).allowed(NAMES) == []


def test_required_tools_hold_the_turn_open_until_they_were_called() -> None:
    rule = {"type": "required_before_exit", "tool_name": "b"}
    assert after(rule).still_required(NAMES) == ["b"]
    assert after(rule).still_required(["a"]) == []
    assert after(rule, ("b", "")).still_required(NAMES) == []
    assert after(rule).still_required(NAMES, also_called=["b"]) == []


@given(any_rules, any_history, some_names, st.lists(st.tuples(tool_names, results), max_size=8))
def test_whatever_can_be_called_in_the_end_is_reachable(
    rules: list[Rule], history: list[tuple[str, str]], names: list[str], tried: list[tuple[str, str]]
) -> None:
    reachable = ToolRules(rules, history).reachable(names)
    solver = ToolRules(rules, list(history))
    for name, returned in tried:
        if name in solver.allowed(names):
            assert name in reachable
            solver.record(name, returned)


@given(any_rules, any_history, some_names)
def test_where_nothing_is_allowed_nothing_is_reachable(
    rules: list[Rule], history: list[tuple[str, str]], names: list[str]
) -> None:
    solver = ToolRules(rules, history)
    assert set(solver.allowed(names)) <= solver.reachable(names) <= set(names)
    assert bool(solver.reachable(names)) == bool(solver.allowed(names))


def test_what_is_out_of_reach() -> None:
    child = {"type": "parent_last_tool", "tool_name": "a", "children": ["b"]}
    assert after(child).reachable(NAMES) == set(NAMES)
    assert after(child).reachable(["b", "c"]) == {"c"}, "its parent isn't there"
    limit = {"type": "max_count_per_step", "tool_name": "a", "max_count_limit": 1}
    assert ToolRules([child, limit], [("a", ""), ("b", ""), ("c", "")]).reachable(["a", "b", "c"]) == {"c"}
    assert ToolRules([child, limit], [("c", "")]).reachable(["a", "b", "c"], [("a", "")]) == {"b", "c"}
    open_choice: Rule = {"type": "conditional", "tool_name": "a", "child_output_mapping": {"1": "b"}}
    assert after(open_choice, ("a", "2")).reachable(NAMES) == set(NAMES)
    nowhere: Rule = open_choice | {"require_output_mapping": True}
    assert after(nowhere, ("a", "2")).reachable(NAMES) == set()
    only_b = [nowhere, {"type": "constrain_child_tools", "tool_name": "b", "children": ["a"]}]
    assert ToolRules(only_b, [("a", "1")]).reachable(NAMES) == {"a", "b"}


def test_fixed_arguments_come_from_the_rule_in_force() -> None:
    first = {"type": "run_first", "tool_name": "a", "args": {"x": 1}}
    nodes = [{"name": "b", "args": {"y": 2}}, {"name": "c", "args": None}]
    child = {"type": "constrain_child_tools", "tool_name": "a", "children": ["b", "c"], "child_arg_nodes": nodes}
    assert ToolRules([first, child]).prefilled("a") == {"x": 1}
    assert ToolRules([first, child], [("a", "")]).prefilled("b") == {"y": 2}
    assert ToolRules([first, child], [("a", "")]).prefilled("c") == {}
    assert ToolRules([first, child], [("a", "")]).prefilled("a") == {}
