"""Which engine runs custom tools: the one that LETTA_TOOL_SANDBOX names, else the one that suits where we are."""

import sys

from letta.server.policy import is_loopback
from letta.settings import Settings


def engine_name(settings: Settings) -> str:
    """The engine in force.

    Processes of their own can reach the network that the server is in, so they are the default only where nobody else
    can send a tool. They take Linux.
    """
    if settings.tool_sandbox is not None:
        return settings.tool_sandbox
    public = settings.render or not is_loopback(settings.bind_host)
    return "monty" if public or sys.platform != "linux" else "process"
