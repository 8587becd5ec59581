"""Stored keys, without the keys themselves."""

from dataclasses import dataclass
from datetime import datetime

from letta.access.grants import Grants, of_policy, of_scopes
from letta.json_types import JsonObject

PROGRAM = "api_key"
BROWSER = "access_token"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key of a program, or a token of a browser: whom it acts for, what it opens, until when."""

    id: str
    organization_id: str
    user_id: str
    kind: str
    name: str
    hint: str
    scopes: list[str] | None
    agent_ids: list[str] | None
    policy: list[JsonObject] | None
    hostname: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime

    @property
    def grants(self) -> Grants:
        """What it opens."""
        if self.kind == BROWSER:
            return of_policy(self.policy or [])
        return of_scopes(self.scopes or [], self.agent_ids)
