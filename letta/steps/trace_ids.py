"""Ids of traces: each run is one."""

import uuid

_PREFIX = "run-"


def trace_id_of(run_id: str) -> str:
    """The id of a run's trace, as tracing systems write them: 32 hexadecimal digits."""
    return run_id.removeprefix(_PREFIX).replace("-", "")


def run_id_of(trace_id: str) -> str | None:
    """The id of the run that a trace is of; None if it is none of ours."""
    try:
        return f"{_PREFIX}{uuid.UUID(trace_id)}"
    except ValueError:
        return None
