"""Queries for what the system message tells of an agent."""

from sqlalchemy import Connection, func, select

from letta.archives.tables import archives_agents, passages
from letta.messages.tables import messages


def counts_of_agent(
    connection: Connection, agent_id: str, messages_at_most: int, passages_at_most: int
) -> tuple[int, int]:
    """How many messages and passages an agent has, each counted no further than told."""
    said = select(messages.c.id).where(messages.c.agent_id == agent_id).limit(messages_at_most).subquery()
    kept = (
        select(passages.c.id)
        .join(archives_agents, archives_agents.c.archive_id == passages.c.archive_id)
        .where(archives_agents.c.agent_id == agent_id)
        .limit(passages_at_most)
        .subquery()
    )
    counts = [select(func.count()).select_from(counted).scalar_subquery() for counted in (said, kept)]
    row = connection.execute(select(*counts)).one()
    return row[0], row[1]
