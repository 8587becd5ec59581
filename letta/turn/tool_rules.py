"""Tool rules: which tools a model may call next, and when a turn may end.

Rules are the V1 API's JSON objects. Their scope is one turn: the history starts empty with each request.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]


@dataclass(slots=True)
class ToolRules:
    """The rules of an agent, and the calls of the turn so far (name and returned text)."""

    rules: Sequence[JsonObject]
    history: list[tuple[str, str]] = field(default_factory=list)

    def record(self, name: str, returned: str) -> None:
        """Note that a tool was called."""
        self.history.append((name, returned))

    def allowed(self, names: Iterable[str]) -> list[str]:
        """Which of these tools may be called next."""
        return [name for name in names if not self.violations(name)]

    def violations(self, name: str) -> list[str]:
        """Why this tool may not be called now; empty if it may."""
        return [
            reason
            for reason in (
                self._not_first(name),
                self._not_a_child(name),
                self._parent_is_not_last(name),
                self._not_the_condition(name),
                self._too_often(name),
            )
            if reason
        ]

    def forced(self) -> bool:
        """Whether the next step has to be a call of a tool."""
        if not self.history:
            return bool(self._of("run_first"))
        last = self.history[-1][0]
        active = {"constrain_child_tools", "parent_last_tool", "conditional"}
        return any(rule["type"] in active and rule["tool_name"] == last for rule in self.rules)

    def ends_turn(self, name: str) -> bool:
        """Whether the turn is over once this tool has run."""
        return any(rule["tool_name"] == name for rule in self._of("exit_loop"))

    def continues_turn(self, name: str) -> bool:
        """Whether the turn goes on after this tool even if the model did not ask for it."""
        kinds = {"continue_loop", "constrain_child_tools", "parent_last_tool", "conditional"}
        return any(rule["type"] in kinds and rule["tool_name"] == name for rule in self.rules)

    def still_required(self, names: Iterable[str]) -> list[str]:
        """Attached tools that must be called before the turn may end."""
        called = {name for name, _ in self.history}
        required = {rule["tool_name"] for rule in self._of("required_before_exit")}
        return [name for name in names if name in required and name not in called]

    def needs_approval(self, name: str) -> bool:
        """Whether a person has to approve a call of this tool."""
        return any(rule["tool_name"] == name for rule in self._of("requires_approval"))

    def prefilled(self, name: str) -> JsonObject:
        """Arguments that the rules fix for the next call of this tool."""
        if not self.history:
            return {
                key: value
                for rule in self._of("run_first")
                if rule["tool_name"] == name
                for key, value in (rule.get("args") or {}).items()
            }
        last = self.history[-1][0]
        return {
            key: value
            for rule in self._of("constrain_child_tools")
            if rule["tool_name"] == last
            for node in rule.get("child_arg_nodes") or ()
            if node["name"] == name
            for key, value in (node.get("args") or {}).items()
        }

    def only_approvals(self) -> bool:
        """Whether no rule but approval rules is there, so that calls may be made in parallel."""
        return all(rule["type"] == "requires_approval" for rule in self.rules)

    def _of(self, kind: str) -> list[JsonObject]:
        return [rule for rule in self.rules if rule["type"] == kind]

    def _not_first(self, name: str) -> str | None:
        first = [rule["tool_name"] for rule in self._of("run_first")]
        if self.history or not first or name in first:
            return None
        return f"the first tool of a turn must be one of {first}"

    def _not_a_child(self, name: str) -> str | None:
        if not self.history:
            return None
        last = self.history[-1][0]
        for rule in self._of("constrain_child_tools"):
            if rule["tool_name"] == last and name not in rule["children"]:
                return f"after {last} only {rule['children']} may be called"
        return None

    def _parent_is_not_last(self, name: str) -> str | None:
        last = self.history[-1][0] if self.history else None
        for rule in self._of("parent_last_tool"):
            if name in rule["children"] and rule["tool_name"] != last:
                return f"{name} may only be called right after {rule['tool_name']}"
            if rule["tool_name"] == last and name not in rule["children"]:
                return f"after {last} only {rule['children']} may be called"
        return None

    def _not_the_condition(self, name: str) -> str | None:
        if not self.history:
            return None
        last, returned = self.history[-1]
        for rule in self._of("conditional"):
            if rule["tool_name"] != last:
                continue
            wanted = _mapped(rule, returned)
            if wanted is None and rule.get("require_output_mapping"):
                return f"the result of {last} leads to no tool"
            if wanted is not None and name != wanted:
                return f"after this result of {last} only {wanted} may be called"
        return None

    def _too_often(self, name: str) -> str | None:
        count = sum(1 for called, _ in self.history if called == name)
        for rule in self._of("max_count_per_step"):
            if rule["tool_name"] == name and count >= rule["max_count_limit"]:
                return f"{name} may be called at most {rule['max_count_limit']} times in a turn"
        return None


def _mapped(rule: JsonObject, returned: str) -> str | None:
    for key, child in (rule.get("child_output_mapping") or {}).items():
        if _same(key, returned):
            return str(child)
    return rule.get("default_child")


def _same(key: Any, returned: str) -> bool:
    if str(key) == returned:
        return True
    try:
        return bool(json.loads(str(key).lower()) == json.loads(returned.lower()))
    except ValueError:
        return str(key).lower() == returned.strip().lower() and returned.strip().lower() in {"true", "false", "none"}


def describe(rules: Sequence[JsonObject]) -> list[str]:
    """A sentence for each rule that the model should know of."""
    return [text for rule in rules if (text := _sentence(rule))]


def _sentence(rule: JsonObject) -> str | None:
    name = rule["tool_name"]
    match rule["type"]:
        case "continue_loop":
            return f"After calling {name} you go on with another step."
        case "exit_loop":
            return f"Calling {name} ends your turn."
        case "constrain_child_tools":
            return f"Right after {name} you may only call: {', '.join(rule['children'])}."
        case "parent_last_tool":
            return f"Right after {name}, and only then, you may call: {', '.join(rule['children'])}."
        case "conditional":
            return f"What you call after {name} is decided by what it returns."
        case "max_count_per_step":
            return f"Call {name} at most {rule['max_count_limit']} times in a turn."
    return None
