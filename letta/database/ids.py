"""Identifiers: ``<prefix>-<uuid4>``, as the V1 API defines them, and the otids derived from message ids."""

import uuid
from typing import Any

from pydantic import Field

UUID4_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"

_PART_MASK = 0x7F


def new_id(prefix: str) -> str:
    """A new random identifier, such as ``agent-1b4e28ba-2fa1-41d2-883f-0016d3cca427``."""
    return f"{prefix}-{uuid.uuid4()}"


def id_pattern(prefix: str) -> str:
    """The regular expression that identifiers with this prefix match."""
    return f"^{prefix}-{UUID4_PATTERN}$"


def example_id(prefix: str) -> str:
    """What an identifier with this prefix looks like, for descriptions of the API."""
    return f"{prefix}-123e4567-e89b-42d3-8456-426614174000"


def id_field(prefix: str) -> Any:
    """What a field of a request has to be that names something by its id: ``Annotated[str, id_field("tool")]``."""
    return Field(pattern=id_pattern(prefix), examples=[example_id(prefix)])


def part_otid(message_id: str, index: int) -> str:
    """The otid of the ``index``-th wire message that a stored message expands to.

    The low 7 bits of the message's UUID are replaced by the index, so that every part of every message has an id of
    its own that any reader can derive again.
    """
    value = uuid.UUID(message_id.partition("-")[2]).int
    return str(uuid.UUID(int=(value & ~_PART_MASK) | (index & _PART_MASK)))
