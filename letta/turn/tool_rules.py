"""Tool rules: which tools a model may call next, and when a turn may end.

Rules are the V1 API's JSON objects. Their scope is one turn: the history starts empty with each request.
"""

import json
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from letta.json_types import JsonObject

_FORCING = {"constrain_child_tools", "parent_last_tool", "conditional"}
_CONTINUING = _FORCING | {"continue_loop"}
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "none": None, "null": None}


@dataclass(slots=True)
class ToolRules:
    """The rules of an agent, and the calls that were carried out in the turn so far (name and returned text).

    Where methods take ``names``, these are all tools that there are: a rule to begin with a tool that there isn't has
    no effect.
    """

    rules: Sequence[JsonObject]
    history: list[tuple[str, str]] = field(default_factory=list)

    def record(self, name: str, returned: str) -> None:
        """Note that a call was carried out."""
        self.history.append((name, returned))

    def allowed(self, names: Collection[str], planned: Sequence[str] = ()) -> list[str]:
        """Which of these tools may be called next. ``planned`` are earlier calls of the same step."""
        return [name for name in names if not self.violations(name, names, planned)]

    def violations(self, name: str, names: Collection[str], planned: Sequence[str] = ()) -> list[str]:
        """Why this tool may not be called now; empty if it may. ``planned`` are earlier calls of the same step."""
        return [
            reason
            for reason in (
                self._not_first(name, names),
                self._not_a_child(name),
                self._parent_is_not_last(name),
                self._not_the_condition(name),
                self._too_often(name, planned),
            )
            if reason
        ]

    def forced(self, names: Collection[str]) -> bool:
        """Whether the next step has to be a call of a tool."""
        if not self.history:
            return bool(self._first(names))
        last = self.history[-1][0]
        return any(rule["type"] in _FORCING and rule["tool_name"] == last for rule in self.rules)

    def ends_turn(self, name: str) -> bool:
        """Whether the turn is over once this tool has run."""
        return any(rule["tool_name"] == name for rule in self._of("exit_loop"))

    def continues_turn(self, name: str) -> bool:
        """Whether the turn goes on after this tool even if the model did not ask for it."""
        return any(rule["type"] in _CONTINUING and rule["tool_name"] == name for rule in self.rules)

    def still_required(self, names: Iterable[str], also_called: Collection[str] = ()) -> list[str]:
        """Tools that must be called before the turn may end."""
        called = {name for name, _ in self.history}.union(also_called)
        required = {rule["tool_name"] for rule in self._of("required_before_exit")}
        return [name for name in names if name in required and name not in called]

    def reachable(self, names: Collection[str], also_done: Sequence[tuple[str, str]] = ()) -> set[str]:
        """Tools that may be called in this turn, now or after others. ``also_done`` are calls of the present step.

        Rather too many than too few: what tools will return isn't known.
        """
        now = ToolRules(self.rules, [*self.history, *also_done])
        found: set[str] = set()
        waiting = now.allowed(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                later = ToolRules(self.rules, [*now.history, (name, "")])
                waiting += [following for following in names if later._might_follow(following)]
        return found

    def needs_approval(self, name: str) -> bool:
        """Whether a person has to approve a call of this tool."""
        return any(rule["tool_name"] == name for rule in self._of("requires_approval"))

    def prefilled(self, name: str) -> JsonObject:
        """Arguments that the rules fix for the next call of this tool."""
        if not self.history:
            return _merged(rule.get("args") for rule in self._of("run_first") if rule["tool_name"] == name)
        last = self.history[-1][0]
        return _merged(
            node.get("args")
            for rule in self._of("constrain_child_tools")
            if rule["tool_name"] == last
            for node in rule.get("child_arg_nodes") or ()
            if node["name"] == name
        )

    def only_approvals(self) -> bool:
        """Whether no rule but approval rules is there, so that calls may be made in parallel."""
        return all(rule["type"] == "requires_approval" for rule in self.rules)

    def _of(self, kind: str) -> list[JsonObject]:
        return [rule for rule in self.rules if rule["type"] == kind]

    def _first(self, names: Collection[str]) -> list[str]:
        return [rule["tool_name"] for rule in self._of("run_first") if rule["tool_name"] in names]

    def _not_first(self, name: str, names: Collection[str]) -> str | None:
        first = [] if self.history else self._first(names)
        if not first or name in first:
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

    def _might_follow(self, name: str) -> bool:
        """Whether this tool may be called next after some result of the last one."""
        last = self.history[-1][0]
        if self._not_a_child(name) or self._parent_is_not_last(name) or self._too_often(name, ()):
            return False
        return all(name in _targets(rule, name) for rule in self._of("conditional") if rule["tool_name"] == last)

    def _too_often(self, name: str, planned: Sequence[str]) -> str | None:
        count = sum(1 for called, _ in self.history if called == name) + planned.count(name)
        for rule in self._of("max_count_per_step"):
            if rule["tool_name"] == name and count >= rule["max_count_limit"]:
                return f"{name} may be called at most {rule['max_count_limit']} times in a turn"
        return None


def _merged(parts: Iterable[JsonObject | None]) -> JsonObject:
    return {key: value for part in parts for key, value in (part or {}).items()}


def _mapped(rule: JsonObject, returned: str) -> str | None:
    value = _value(returned)
    for key, child in (rule.get("child_output_mapping") or {}).items():
        if _value(str(key)) == value:
            return str(child)
    if rule.get("require_output_mapping"):
        return None
    return rule.get("default_child")


def _targets(rule: JsonObject, name: str) -> set[str]:
    """The tools that some result leads to; ``name`` among them where some result leaves the choice open."""
    targets = set((rule.get("child_output_mapping") or {}).values())
    if rule.get("require_output_mapping"):
        return targets
    return targets | {rule.get("default_child") or name}


def _value(text: str) -> tuple[str, object]:
    """A result as conditions compare it: truth values and numbers by value, however they are written."""
    word = text.strip().lower()
    if word in _WORDS:
        return "word", _WORDS[word]
    try:
        number = json.loads(word)
    except ValueError:
        return "text", text
    if isinstance(number, int | float) and math.isfinite(number):
        return "number", number
    return "text", text
