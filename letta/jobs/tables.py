"""Jobs: what many runs make up together."""

from sqlalchemy import Column, Index, Integer, Text

from letta.database.base import Json, entity_table, timestamp

jobs = entity_table(
    "jobs",
    Column("job_type", Text, nullable=False),
    # Of jobs that were brought over, whose runs aren't known.
    Column("status", Text),
    timestamp("completed_at"),
    timestamp("cancelled_at"),
    Column("metadata", Json, nullable=False, server_default="{}"),
    Column("callback_url", Text),
    timestamp("callback_sent_at"),
    Column("callback_status_code", Integer),
    Column("callback_error", Text),
)
"""How far a job of ours is, is told by its runs alone, so that none of them needs a further statement."""
Index("ix_jobs_organization_id_created_at_id", jobs.c.organization_id, jobs.c.created_at, jobs.c.id)
Index(
    "ix_jobs_callback_due",
    jobs.c.id,
    postgresql_where=jobs.c.callback_url.is_not(None)
    & jobs.c.callback_status_code.is_(None)
    & jobs.c.callback_error.is_(None),
)
