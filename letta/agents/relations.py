"""Which of an agent's relations an answer carries.

Current official clients get none unless they name it in ``include``; older ones and other programs get all.
"""

from enum import StrEnum


class Relation(StrEnum):
    """A relation of an agent, as ``include`` names it."""

    BLOCKS = "agent.blocks"
    IDENTITIES = "agent.identities"
    MANAGED_GROUP = "agent.managed_group"
    PENDING_APPROVAL = "agent.pending_approval"
    SECRETS = "agent.secrets"
    SOURCES = "agent.sources"
    TAGS = "agent.tags"
    TOOLS = "agent.tools"


Relations = frozenset[Relation]

ALL: Relations = frozenset(Relation)

_OLD_NAMES = {
    "memory": Relation.BLOCKS,
    "blocks": Relation.BLOCKS,
    "core_memory": Relation.BLOCKS,
    "identity_ids": Relation.IDENTITIES,
    "identities": Relation.IDENTITIES,
    "multi_agent_group": Relation.MANAGED_GROUP,
    "managed_group": Relation.MANAGED_GROUP,
    "pending_approval": Relation.PENDING_APPROVAL,
    "tool_exec_environment_variables": Relation.SECRETS,
    "secrets": Relation.SECRETS,
    "sources": Relation.SOURCES,
    "tags": Relation.TAGS,
    "tools": Relation.TOOLS,
}
"""Names that the deprecated ``include_relationships`` takes."""


def wanted_relations(
    include: list[Relation], include_relationships: list[str] | None, *, current_sdk: bool
) -> Relations:
    """The relations that a request asks for."""
    named = {_OLD_NAMES[name] for name in include_relationships or () if name in _OLD_NAMES}
    if current_sdk or include_relationships is not None:
        return frozenset(include) | named
    return ALL
