"""How agents of each type speak: in plain text, or through a tool."""

from letta.turn.styles.messaging import Messaging
from letta.turn.styles.native import Native
from letta.turn.styles.style import Style

_NATIVE_TYPES = {"letta_v1_agent", "sleeptime_agent"}
_NATIVE = Native()
_MESSAGING = Messaging()


def style_of(agent_type: str) -> Style:
    """The style of an agent type."""
    return _NATIVE if agent_type in _NATIVE_TYPES else _MESSAGING
