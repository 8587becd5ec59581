"""Jobs: records of work that went on in the background, and how it ended."""

from letta.jobs.tables import jobs
from letta.json_types import JsonObject
from letta.legacy.callbacks import never_called
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, owned, parsed_object
from letta.organizations.actor import DEFAULT_ACTOR

_ENDED = {"completed", "failed", "cancelled", "expired"}
_NOT_ENDED = "The former server ended before the job did."
_CALLBACK = ("callback_url", "callback_sent_at", "callback_status_code", "callback_error")
_TOLD = ("stop_reason", "ttft_ns", "request_config")


def _jobs(_reading: Reading, rows: list[JsonObject]) -> Rows:
    return [(jobs, [_job(row) for row in rows])]


def _job(row: JsonObject) -> JsonObject:
    values = owned(row)
    made = {
        "organization_id": values["organization_id"] or DEFAULT_ACTOR.organization_id,
        "created_by_id": row["user_id"] or values["created_by_id"],
        "job_type": row["job_type"] or "job",
        "status": row["status"],
        "metadata": _more(row) | parsed_object(row["metadata_"]),
        "completed_at": row["completed_at"] or values["updated_at"],
        **{name: row[name] for name in _CALLBACK},
    }
    if made["status"] not in _ENDED:
        made |= {"status": "failed", "metadata": made["metadata"] | {"error": _NOT_ENDED}}
    return never_called(values | made)


def _more(row: JsonObject) -> JsonObject:
    """What a job of ours has no other place for."""
    told = row | {"request_config": parsed_object(row["request_config"])}
    return {name: told[name] for name in _TOLD if told[name]}


JOBS = Section(
    "jobs",
    Table(
        "jobs",
        ("id", "user_id", "job_type", "status", "metadata_", "completed_at", *_TOLD, *_CALLBACK, *AUDIT),
        large=("metadata_",),
    ),
    _jobs,
)
