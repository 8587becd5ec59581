"""An identity as the rest of the server knows it."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Identity:
    """Whom agents and blocks serve: a user, an organization or something else that a client has a key for."""

    id: str
    organization_id: str
    identifier_key: str
    name: str
    identity_type: str
    project_id: str | None = None
    properties: list[dict[str, Any]] = field(default_factory=list)
    agent_ids: list[str] = field(default_factory=list)
    block_ids: list[str] = field(default_factory=list)
