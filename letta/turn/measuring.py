"""What the calls of tools come to, for the server's figures."""

from collections.abc import Collection, Sequence

from letta.json_types import JsonObject
from letta.telemetry import metrics
from letta.tools.tool import Tool
from letta.turn.tools import ToolReturn
from letta.turn.turn import Turn

_UNKNOWN = "unknown"
"""Tools that a model made up."""
_REFUSED = "refused"
"""Calls that weren't carried out: no such tool, or the rules forbid it."""


def figure_name(tool: Tool | None) -> str:
    """The name under which calls of a tool are counted: its own where it is ours, else its kind."""
    if tool is None:
        return _UNKNOWN
    return tool.name if tool.is_builtin else tool.tool_type


def count_calls(
    turn: Turn, returns: Sequence[ToolReturn], calls: Sequence[JsonObject] = (), refused: Collection[str] = ()
) -> None:
    """Count what the calls of a step came to, and those of ``calls`` whose ids are among the ``refused``."""
    if not returns and not refused:
        return
    tools = {tool.name: tool for tool in turn.tools}
    for returned in returns:
        if returned.call["id"] not in refused:
            metrics.tool_calls.add(figure_name(tools.get(returned.call["name"])), returned.status)
    for call in calls:
        if call["id"] in refused:
            metrics.tool_calls.add(figure_name(tools.get(call["name"])), _REFUSED)
