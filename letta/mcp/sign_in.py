"""A sign-in to an MCP server by OAuth, from its beginning in a browser to the tokens that came of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from letta.json_types import JsonObject

PENDING = "pending"
EXCHANGING = "exchanging"
AUTHORIZED = "authorized"
ERROR = "error"

_AHEAD = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Begun:
    """What has to be remembered while somebody signs in elsewhere."""

    authorization_url: str
    state: str
    redirect_uri: str
    code_verifier: str
    client: JsonObject
    client_secret: str | None
    metadata: JsonObject


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in came to."""

    access_token: str
    refresh_token: str | None
    scope: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A stored sign-in. ``client`` is how we are registered, ``metadata`` what is known of who gives out tokens."""

    id: str
    organization_id: str
    server_id: str | None
    server_name: str
    server_url: str
    status: str
    problem: str | None
    redirect_uri: str
    code_verifier: str | None
    client: JsonObject = field(default_factory=dict)
    client_secret: str | None = None
    metadata: JsonObject = field(default_factory=dict)
    access_token: str | None = None
    refresh_token: str | None = None
    scope: str | None = None
    token_expires_at: datetime | None = None
    renewals: int = 0
    created_by_id: str | None = None

    @property
    def is_due(self) -> bool:
        """Whether the token has to be renewed before it is used, and can be."""
        if self.token_expires_at is None or not self.refresh_token:
            return False
        return self.token_expires_at - _AHEAD < datetime.now(UTC)
