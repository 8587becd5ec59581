"""How agents of each type speak: in plain text, or through a tool."""

from letta.agents.agent_types import traits_of
from letta.turn.styles.messaging import Messaging
from letta.turn.styles.native import Native
from letta.turn.styles.style import Style

_NATIVE = Native()
_MESSAGING = Messaging()


def style_of(agent_type: str) -> Style:
    """The style of an agent type."""
    return _NATIVE if traits_of(agent_type).speaks_plainly else _MESSAGING
