"""Keys that a tool's client shows.

Each opens one agent's part of the API, and is void when the run of the tool ends.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256

from letta.organizations.actor import Actor

PREFIX = "letta-run-"


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a key stands for: an agent, and the actor that it works for."""

    agent_id: str
    actor: Actor


class RunTokens:
    """The keys that are valid in this process, which is the only one that their clients are sent to."""

    def __init__(self) -> None:
        self._holders: dict[bytes, Holder] = {}

    @contextmanager
    def issued(self, holder: Holder) -> Iterator[str]:
        """A key, for as long as the block lasts."""
        token = PREFIX + secrets.token_urlsafe(32)
        digest = _digest(token)
        self._holders[digest] = holder
        try:
            yield token
        finally:
            del self._holders[digest]

    def holder_of(self, token: str) -> Holder | None:
        """Whom a key stands for; None for one that isn't valid, or not any more."""
        return self._holders.get(_digest(token))


def _digest(token: str) -> bytes:
    """Looked up instead of the key, so that the time it takes says nothing of it."""
    return sha256(token.encode("utf-8", "replace")).digest()
