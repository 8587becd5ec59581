"""Runs and their steps: what happened when, and what it used."""

from letta.constants import DEFAULT_MAX_STEPS
from letta.json_types import JsonObject
from letta.legacy import source_repository
from letta.legacy.callbacks import never_called
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import (
    AUDIT,
    default_conversation_id,
    owned,
    parsed_object,
    parsed_object_or_none,
    parsed_texts,
)
from letta.runs.tables import runs
from letta.steps.tables import steps
from letta.turn.request import RunOptions

_ENDED = {"completed", "failed", "cancelled"}
_NOT_ENDED = "The former server ended before the run did."
_SAME_OF_RUNS = (
    *("agent_id", "stop_reason", "callback_url", "callback_sent_at", "callback_status_code", "callback_error"),
    *("base_template_id", "project_id", "completed_at", "ttft_ns", "total_duration_ns"),
)
_SAME_OF_STEPS = (
    *("agent_id", "run_id", "stop_reason", "provider_name", "provider_category", "model", "model_handle"),
    *("model_endpoint", "context_window_limit", "feedback", "request_id", "project_id", "error_type"),
)


def _runs(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    agents = {row["id"] for row in reading.related("agents", ("id",), "id", {row["agent_id"] for row in rows})}
    wanted = {row["conversation_id"] for row in rows if row["conversation_id"]}
    conversations = {row["id"] for row in reading.related("conversations", ("id",), "id", wanted, deleted=True)}
    usage = source_repository.usage_of_runs(reading.connection, reading.facts.shape, ids)
    measured = {row["id"]: row for row in reading.related("run_metrics", ("id", "run_ns"), "id", ids)}
    made = []
    for row in rows:
        if row["agent_id"] not in agents:
            reading.notes.add("Runs of agents that do not exist", row["agent_id"])
            continue
        run = _run(row, usage.get(row["id"]), measured.get(row["id"], {}).get("run_ns"))
        if row["conversation_id"] in conversations:
            run["conversation_id"] = row["conversation_id"]
        made.append(run)
    return [(runs, made)]


def _run(row: JsonObject, usage: JsonObject | None, duration: int | None) -> JsonObject:
    metadata = parsed_object(row["metadata_"])
    options = RunOptions(
        max_steps=DEFAULT_MAX_STEPS,
        run_type=str(metadata.get("run_type") or "send_message"),
        background=bool(row["background"]),
        request_config=parsed_object(row["request_config"]),
        callback_url=row["callback_url"],
    )
    run = (
        owned(row)
        | {name: row[name] for name in _SAME_OF_RUNS}
        | {
            "conversation_id": default_conversation_id(row["agent_id"]),
            "status": row["status"],
            "background": options.background,
            "request": options.to_json(),
            "usage": usage,
            "metadata": metadata,
        }
    )
    if run["total_duration_ns"] is None:
        run["total_duration_ns"] = duration
    return never_called(_ended(run))


def _ended(run: JsonObject) -> JsonObject:
    """Nobody goes on with what the former server was busy with."""
    if run["status"] in _ENDED:
        return run
    told = {"error": run["metadata"].get("error") or _NOT_ENDED}
    return run | {
        "status": "failed",
        "stop_reason": run["stop_reason"] or "error",
        "completed_at": run["completed_at"] or run["updated_at"],
        "metadata": run["metadata"] | told,
    }


def _steps(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    run_ids = {row["run_id"] for row in rows if row["run_id"]}
    known = _runs_of_agents(reading, run_ids)
    used = {row["id"]: row for row in reading.related("run_metrics", ("id", "tools_used"), "id", run_ids)}
    first = source_repository.first_steps(reading.connection, reading.facts.shape, run_ids)
    measured = {row["id"]: row for row in reading.related("step_metrics", ("id", *_MEASURED), "id", ids)}
    agent_ids = {row["agent_id"] for row in rows if row["agent_id"]}
    agents = {row["id"] for row in reading.related("agents", ("id",), "id", agent_ids)}
    made = []
    for row in rows:
        run = known.get(row["run_id"])
        if run is None:
            reading.notes.add("Steps that belong to no run", row["id"])
            continue
        tools = parsed_texts(used[row["run_id"]]["tools_used"]) if row["run_id"] in used else []
        is_first = first.get(row["run_id"]) == row["id"]
        step = _step(row, measured.get(row["id"], {}), tools if is_first else [])
        step["organization_id"] = row["organization_id"] or run["organization_id"]
        step["agent_id"] = row["agent_id"] if row["agent_id"] in agents else None
        made.append(step)
    return [(steps, made)]


def _runs_of_agents(reading: Reading, run_ids: set[str]) -> dict[str, JsonObject]:
    """Those of these runs that are brought over, by id."""
    found = reading.related("runs", ("id", "agent_id", "organization_id"), "id", run_ids)
    agents = {row["id"] for row in reading.related("agents", ("id",), "id", {row["agent_id"] for row in found})}
    return {row["id"]: row for row in found if row["agent_id"] in agents}


def _step(row: JsonObject, measured: JsonObject, tools_used: list[str]) -> JsonObject:
    """Tools are known of whole runs: they are told of the first step."""
    status = row["status"].lower() if row["status"] else "failed" if row["error_type"] else "success"
    read, written = parsed_object(row["prompt_tokens_details"]), parsed_object(row["completion_tokens_details"])
    counts = {name: row[name] or 0 for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
    return (
        owned(row)
        | {name: row[name] for name in _SAME_OF_STEPS}
        | counts
        | {
            "status": "failed" if status == "pending" else status,
            "cached_input_tokens": _first(row["cached_input_tokens"], read.get("cached_tokens")),
            "cache_write_tokens": _first(row["cache_write_tokens"], read.get("cache_creation_tokens")),
            "reasoning_tokens": _first(row["reasoning_tokens"], written.get("reasoning_tokens")),
            "tags": parsed_texts(row["tags"]),
            "error_data": parsed_object_or_none(row["error_data"]),
            "tools_used": tools_used,
            **{name: measured.get(name) for name in _MEASURED},
        }
    )


def _first(*values: int | None) -> int | None:
    return next((value for value in values if value is not None), None)


_MEASURED = ("step_ns", "llm_request_ns", "tool_execution_ns")

RUNS = Section(
    "runs",
    Table(
        "runs",
        (
            *("id", "status", "background", "metadata_", "request_config", "conversation_id"),
            *(*_SAME_OF_RUNS, *AUDIT),
        ),
        large=("metadata_",),
    ),
    _runs,
)
STEPS = Section(
    "steps",
    Table(
        "steps",
        (
            *("id", "status", "prompt_tokens", "completion_tokens", "total_tokens", "cached_input_tokens"),
            *("cache_write_tokens", "reasoning_tokens", "prompt_tokens_details", "completion_tokens_details"),
            *("tags", "error_data", *_SAME_OF_STEPS, *AUDIT),
        ),
        large=("error_data",),
    ),
    _steps,
)
