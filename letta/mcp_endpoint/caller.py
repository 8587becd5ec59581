"""Who calls a tool of the MCP endpoint, and which agents are open to it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from letta.access.grants import Access
from letta.errors import ForbiddenError, InvalidArgumentError, NotFoundError
from letta.mcp_endpoint import repository
from letta.organizations.actor import Actor, Principal
from letta.server.server import SyncServer


@dataclass(frozen=True, slots=True)
class Caller:
    """The server that is asked, and who asks it."""

    server: SyncServer
    principal: Principal

    @property
    def actor(self) -> Actor:
        """For whom everything is done."""
        return self.principal.actor

    @property
    def only(self) -> Collection[str] | None:
        """The agents that the key is for, where it is for some alone."""
        grants = self.principal.grants
        return None if grants is None or grants.everywhere else grants.agents.keys()

    async def agent(self, name: str, needs: Iterable[Access]) -> str:
        """The id of an agent that is given by its id or name.

        Raises:
            NotFoundError: there is none.
            InvalidArgumentError: several have the name.
            ForbiddenError: it isn't open in these ways.
        """
        found = await self.server.database.read(repository.agents_called, self.actor, self.only, name)
        if not found:
            raise NotFoundError(f"There is no agent '{name[:200]}'. Use list_agents to see the agents.")
        if len(found) > 1:
            raise InvalidArgumentError(f"Several agents are named '{name}'. Use the id of one of them.")
        if not self.principal.may(needs, found[0]):
            raise ForbiddenError(f"The API key lacks permission for this: it needs {', '.join(sorted(needs))}.")
        return found[0]
