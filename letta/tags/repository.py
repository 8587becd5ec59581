"""Queries on the tags of agents."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from letta.agents.tables import agents_tags
from letta.database.pagination import Order
from letta.organizations.actor import Actor


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Which tags are wanted. ``after`` and ``before`` are tags: later and earlier in the requested order."""

    name: str | None = None
    query_text: str | None = None
    after: str | None = None
    before: str | None = None
    limit: int | None = 50
    order: Order = "asc"


def list_tags(connection: Connection, actor: Actor, condition: TagFilter) -> list[str]:
    """The tags that agents of the organization have, by name."""
    tag = agents_tags.c.tag
    ascending = condition.order == "asc"
    query = select(tag).where(agents_tags.c.organization_id == actor.organization_id).distinct()
    if condition.name is not None:
        query = query.where(tag == condition.name)
    if condition.query_text:
        query = query.where(tag.icontains(condition.query_text, autoescape=True))
    if condition.after is not None:
        query = query.where(tag > condition.after if ascending else tag < condition.after)
    if condition.before is not None:
        query = query.where(tag < condition.before if ascending else tag > condition.before)
    return list(connection.scalars(query.order_by(tag.asc() if ascending else tag.desc()).limit(condition.limit)))
