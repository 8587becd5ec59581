"""Organizations and their users."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Organization:
    """What owns agents and all else. Nothing of one can be seen from another."""

    id: str
    name: str
    created_at: datetime
    privileged_tools: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who acts within an organization, and shares all of it with its other users."""

    id: str
    organization_id: str
    name: str
    created_at: datetime
    updated_at: datetime
    is_deleted: bool = False
