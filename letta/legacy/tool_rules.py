"""Tool rules, some of which older versions spelled otherwise."""

import json
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from letta.agents.tool_rules import ToolRule
from letta.json_types import JsonObject
from letta.legacy.reading import Reading
from letta.legacy.values import parsed_list

_OLDER = {
    "InitToolRule": "run_first",
    "TerminalToolRule": "exit_loop",
    "ContinueToolRule": "continue_loop",
    "ChildToolRule": "constrain_child_tools",
    "ToolRule": "constrain_child_tools",
    "ParentToolRule": "parent_last_tool",
    "ConditionalToolRule": "conditional",
    "MaxCountPerStepToolRule": "max_count_per_step",
    "RequiredBeforeExitToolRule": "required_before_exit",
    "RequiresApprovalToolRule": "requires_approval",
}


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(ToolRule)


def tool_rules(reading: Reading, agent_id: str, written: str | None) -> list[JsonObject]:
    """An agent's rules, but for those that nobody can follow."""
    rules = []
    for given in parsed_list(written):
        kind = str(given.get("type")) if isinstance(given, dict) else ""
        rule = given | {"type": _OLDER[kind]} if kind in _OLDER else given
        try:
            rules.append(_adapter().validate_python(rule).model_dump())
        except ValidationError:
            shown = json.dumps(given, ensure_ascii=False)[:200]
            reading.notes.add("Unknown tool rules were left out", f"{shown} of {agent_id}")
    return rules
