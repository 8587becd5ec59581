"""What the system message says of tool rules."""

from collections.abc import Sequence

from letta.json_types import JsonObject


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
