"""Who makes a request, and what they may do."""

from collections.abc import Iterable
from dataclasses import dataclass

from letta.access.grants import Access, Grants
from letta.access.key import StoredKey
from letta.constants import DEFAULT_ORGANIZATION_ID, DEFAULT_USER_ID


@dataclass(frozen=True, slots=True)
class Actor:
    """A user within an organization. Everything read or written is limited to that organization."""

    user_id: str
    organization_id: str


DEFAULT_ACTOR = Actor(DEFAULT_USER_ID, DEFAULT_ORGANIZATION_ID)


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller: an actor and what its credential opens. The server's password opens everything.

    Of a tool that runs there is no stored key, but grants.
    """

    actor: Actor
    grants: Grants | None = None
    key: StoredKey | None = None

    def may(self, needs: Iterable[Access], agent_id: str) -> bool:
        """Whether an agent is open to it in all of these ways."""
        if self.grants is None:
            return True
        return (self.grants.everywhere | self.grants.agents.get(agent_id, frozenset())).issuperset(needs)

    def limited_to(self, *needs: Access) -> frozenset[str] | None:
        """The agents that are open to it in these ways; None where all are."""
        if self.grants is None or self.grants.everywhere.issuperset(needs):
            return None
        return frozenset(self.grants.agents_with(set(needs) - self.grants.everywhere))

    @property
    def sees_secrets(self) -> bool:
        """Whether it is shown the values of agents' secrets. Tools are: they are run with them."""
        return self.grants is None or self.key is None or Access.ADMIN in self.grants.everywhere
