"""Queries on agents as models."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, Row, select

from letta.agents.tables import agents
from letta.completions.schemas import OpenAIModel
from letta.organizations.actor import Actor

_COLUMNS = (agents.c.id, agents.c.name, agents.c.created_at)


def list_models(
    connection: Connection, actor: Actor, limit: int, only: Collection[str] | None = None
) -> list[OpenAIModel]:
    """The organization's newest agents, but for hidden ones; only those with these ids, if any are given."""
    query = (
        select(*_COLUMNS)
        .where(agents.c.organization_id == actor.organization_id, agents.c.hidden.is_not(True))
        .order_by(agents.c.created_at.desc(), agents.c.id.desc())
    )
    if only is not None:
        query = query.where(agents.c.id.in_(only))
    return [_model(row) for row in connection.execute(query.limit(limit))]


def find_models(connection: Connection, actor: Actor, name: str) -> Sequence[OpenAIModel]:
    """The agent with this id, or those of this name: two at most, which is as many as matter."""
    query = select(*_COLUMNS).where(agents.c.organization_id == actor.organization_id)
    found = connection.execute(query.where(agents.c.id == name)).all()
    found = found or connection.execute(query.where(agents.c.name == name).limit(2)).all()
    return [_model(row) for row in found]


def _model(row: Row[*tuple[object, ...]]) -> OpenAIModel:
    return OpenAIModel(id=row.id, name=row.name, created=int(row.created_at.timestamp()))
