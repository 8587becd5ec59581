"""Who makes a request, and what they may do."""

from dataclasses import dataclass, field

from letta.constants import DEFAULT_ORGANIZATION_ID, DEFAULT_USER_ID


@dataclass(frozen=True, slots=True)
class Actor:
    """A user within an organization. Everything read or written is limited to that organization."""

    user_id: str
    organization_id: str


DEFAULT_ACTOR = Actor(DEFAULT_USER_ID, DEFAULT_ORGANIZATION_ID)

ALL_SCOPES = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: an actor and the scopes of the credential. The server's password has all of them."""

    actor: Actor
    scopes: frozenset[str] = field(default=ALL_SCOPES)
