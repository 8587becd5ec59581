"""What a key opens: kinds of access, for the whole organization or for some agents."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Access(StrEnum):
    """A kind of access. The first four can be given for single agents."""

    READ_AGENT = "read_agent"
    WRITE_AGENT = "write_agent"
    READ_MESSAGES = "read_messages"
    WRITE_MESSAGES = "write_messages"
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


Accesses = frozenset[Access]

READING: Accesses = frozenset({Access.READ_AGENT, Access.READ_MESSAGES})
OF_AGENTS: Accesses = READING | {Access.WRITE_AGENT, Access.WRITE_MESSAGES}
_OF_SCOPES = {
    "read": READING | {Access.READ},
    "write": OF_AGENTS | {Access.READ, Access.WRITE},
    "admin": frozenset(Access),
}
"""What the scopes of API keys open; each includes those before it."""


@dataclass(frozen=True, slots=True)
class Grants:
    """What a key opens: some kinds of access everywhere in its organization, others for single agents only."""

    everywhere: Accesses = frozenset()
    agents: Mapping[str, Accesses] = field(default_factory=dict)

    def agents_with(self, needs: Iterable[Access]) -> set[str]:
        """The agents that are open for all of these."""
        return {agent for agent, accesses in self.agents.items() if accesses.issuperset(needs)}

    def cover(self, others: "Grants") -> bool:
        """Whether nothing is open by the others that isn't by these."""
        if not self.everywhere >= others.everywhere:
            return False
        return all(self.everywhere | self.agents.get(agent, frozenset()) >= own for agent, own in others.agents.items())


def of_scopes(scopes: Iterable[str], agent_ids: Iterable[str] | None) -> Grants:
    """What an API key with these scopes opens, for all agents or for those named."""
    accesses: Accesses = frozenset().union(*(_OF_SCOPES[scope] for scope in scopes))
    if agent_ids is None:
        return Grants(everywhere=accesses)
    return Grants(agents=dict.fromkeys(agent_ids, accesses & OF_AGENTS))


def of_policy(policy: Iterable[Mapping[str, object]]) -> Grants:
    """What a token for browsers with this policy opens."""
    agents: dict[str, Accesses] = {}
    for entry in policy:
        named = entry["access"]
        accesses = frozenset(Access(each) for each in named) if isinstance(named, list) else frozenset()
        agents[str(entry["id"])] = agents.get(str(entry["id"]), frozenset()) | accesses
    return Grants(agents=agents)
