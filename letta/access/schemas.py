"""Keys of programs, and tokens of browsers, on the wire."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from letta.database.ids import id_pattern
from letta.schema import Schema, StoredMoment, Timestamp

ScopeName = Literal["read", "write", "admin"]
AgentAccess = Literal["read_messages", "write_messages", "read_agent", "write_agent"]
OneAgent = Annotated[str, Field(pattern=id_pattern("agent"))]
_MOST_AGENTS = 1000
_SCOPES = "`read`; `write`, which includes `read`; or `admin`, which includes both and allows managing keys."


def _site(hostname: str) -> str:
    """A host's name, with a port or a scheme before it if these matter."""
    try:
        found = urlsplit(hostname if "//" in hostname else f"//{hostname}")
        named = found.hostname is not None and found.port != 0
    except ValueError:
        named = False
    if not named or found.path.strip("/") or found.query or found.fragment or found.username is not None:
        raise ValueError("must be a host name or origin, such as app.example.com or https://app.example.com:8443")
    return hostname.rstrip("/").lower()


class CreateApiKey(Schema):
    """A new key for a program."""

    name: str = Field(min_length=1, max_length=255, description="What the key is for.")
    scopes: list[ScopeName] = Field(min_length=1, max_length=3, description=_SCOPES)
    agent_ids: list[OneAgent] | None = Field(
        None,
        min_length=1,
        max_length=_MOST_AGENTS,
        description="The agents that the key is limited to; all agents if omitted.",
    )
    expires_at: StoredMoment | None = Field(None, description="When the key expires; never if omitted.")


class ApiKeyResponse(Schema):
    """A key, without the key itself."""

    id: str
    name: str
    hint: str = Field(description="The first and last characters of the key.")
    scopes: list[ScopeName]
    agent_ids: list[str] | None
    user_id: str = Field(description="The user that the key acts for.")
    created_at: Timestamp
    expires_at: Timestamp | None
    last_used_at: Timestamp | None = Field(description="When the key was last used, to within about ten minutes.")


class CreatedApiKey(ApiKeyResponse):
    """A new key. It is shown this once, and can't be had again."""

    key: str


class PolicyEntry(Schema):
    """What is open of one agent."""

    type: Literal["agent"]
    id: OneAgent
    access: list[AgentAccess] = Field(min_length=1, max_length=4)


class CreateAccessToken(Schema):
    """A new token for pages in browsers."""

    hostname: Annotated[str, AfterValidator(_site)] = Field(
        max_length=255,
        description="Site of the pages that use the token, such as app.example.com or http://localhost:5173.",
    )
    policy: list[PolicyEntry] = Field(min_length=1, max_length=_MOST_AGENTS)
    expires_at: StoredMoment | None = Field(None, description="When the token expires; by default, an hour from now.")


class Policy(Schema):
    """What a token opens."""

    version: Literal["1"] = "1"
    data: list[PolicyEntry]


class AccessTokenResponse(Schema):
    """A token for pages in browsers. Lists show its id in place of the token, which isn't stored."""

    token: str
    hostname: str
    policy: Policy
    expiresAt: Timestamp


class AccessTokenList(Schema):
    """A page of tokens."""

    tokens: list[AccessTokenResponse]
    hasNextPage: bool
