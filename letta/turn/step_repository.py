"""Writes of a turn: its beginning, what each step produced, its end.

Each is a single statement made of several writes: it is one round trip, and all of it depends on the turn's lease.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, TextClause, select, text

from letta.database.base import SCHEMA
from letta.groups.end_of_turn import COUNT_TURN, DUE_RUNS, NOTE_PROCESSED
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.repository import STORED, message_values
from letta.organizations.actor import Actor
from letta.steps.tables import steps
from letta.turn.request import RunOptions, RunRequest
from letta.turn.turn import Committed, Turn

_RUNNING = "running"
_MESSAGE_COLUMNS = ["organization_id", *STORED]
_STEP_COLUMNS = [
    "id",
    "organization_id",
    "agent_id",
    "run_id",
    "status",
    "stop_reason",
    "provider_name",
    "provider_category",
    "model",
    "model_handle",
    "model_endpoint",
    "context_window_limit",
    "prompt_tokens",
    "completion_tokens",
    "total_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
    "tags",
    "request_id",
    "project_id",
    "error_type",
    "error_data",
    "tools_used",
    "step_ns",
    "llm_request_ns",
    "tool_execution_ns",
    "created_by_id",
    "last_updated_by_id",
]


def _columns(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(prefix + name for name in names)


_START = text(f"""
WITH new_run AS (
    INSERT INTO {SCHEMA}.runs (id, organization_id, created_by_id, last_updated_by_id, agent_id, conversation_id,
        status, background, request, request_hash, metadata, callback_url, project_id)
    VALUES (:run_id, :organization_id, :user_id, :user_id, :agent_id, :conversation_id, 'running',
        :background, CAST(:request AS jsonb), :request_hash, CAST(:metadata AS jsonb), :callback_url, :project_id)
    ON CONFLICT (id) DO UPDATE SET status = 'running', request = excluded.request, queued = NULL, updated_at = now()
), new_messages AS (
    INSERT INTO {SCHEMA}.messages ({_columns(_MESSAGE_COLUMNS)})
    SELECT {_columns(_MESSAGE_COLUMNS)}
    FROM jsonb_populate_recordset(CAST(NULL AS {SCHEMA}.messages), CAST(:messages AS jsonb))
), moved_messages AS (
    UPDATE {SCHEMA}.messages SET run_id = :run_id, is_err = NULL
    WHERE id IN (SELECT jsonb_array_elements_text(CAST(:moved AS jsonb)))
), new_context AS (
    INSERT INTO {SCHEMA}.context_messages (conversation_id, position, message_id)
    SELECT :conversation_id, position, message_id
    FROM jsonb_to_recordset(CAST(:context AS jsonb)) AS entry (position bigint, message_id text)
)
UPDATE {SCHEMA}.conversations
SET active_run_id = :run_id, lease_owner = :owner, lease_epoch = :epoch, cancel_requested = false,
    lease_expires_at = now() + make_interval(secs => :lease_seconds), last_message_at = now(), system_digest = :digest
WHERE id = :conversation_id
""")  # noqa: S608 - the schema's name is validated by the settings


def insert_run(
    connection: Connection,
    turn: Turn,
    request: RunRequest,
    new: Sequence[Message],
    again: Sequence[Message],
    placed: Sequence[Message],
) -> None:
    """Store the run, its new input messages, their places in the context, and the lease.

    ``again`` are input messages of an earlier, failed run of the same request, which are used once more;
    ``placed`` are those of both that enter the context now (after a step that was committed they are in it still).
    """
    actor, options = turn.actor, turn.options
    connection.execute(
        _START,
        {
            "run_id": turn.run_id,
            "organization_id": actor.organization_id,
            "user_id": actor.user_id,
            "agent_id": turn.agent.id,
            "conversation_id": turn.conversation.id,
            "background": options.background,
            "request": json.dumps(options.to_json()),
            "request_hash": request.body_hash,
            "metadata": json.dumps(options.metadata()),
            "callback_url": options.callback_url,
            "project_id": turn.agent.project_id,
            "messages": _rows(actor, new),
            "moved": json.dumps([message.id for message in again]),
            "context": _places(placed),
            "owner": turn.lease.owner,
            "epoch": turn.lease.epoch,
            "lease_seconds": turn.lease.seconds,
            "digest": turn.conversation.system_digest,
        },
    )


_SLEEPTIME_RUN = "sleeptime_agent_send_message_async"
_SLEEPTIME_STEPS = 50

_HAS_WEBHOOKS = f"EXISTS (SELECT FROM {SCHEMA}.webhooks WHERE organization_id = :organization_id AND enabled)"
_LEASE = f"""lease AS (
    UPDATE {SCHEMA}.conversations
    SET last_message_at = now(), system_digest = coalesce(:digest, system_digest),
        active_run_id = CASE WHEN :final THEN NULL ELSE active_run_id END,
        lease_owner = CASE WHEN :final THEN NULL ELSE lease_owner END,
        lease_expires_at = CASE WHEN :final THEN NULL ELSE now() + make_interval(secs => :lease_seconds) END
    WHERE id = :conversation_id AND lease_owner = :owner AND lease_epoch = :epoch
    RETURNING id
)"""  # noqa: S608 - the schema's name is validated by the settings
_PRODUCED = f"""new_messages AS (
    INSERT INTO {SCHEMA}.messages ({_columns(_MESSAGE_COLUMNS)})
    SELECT {_columns(_MESSAGE_COLUMNS, "entry.")}
    FROM lease, jsonb_populate_recordset(CAST(NULL AS {SCHEMA}.messages), CAST(:messages AS jsonb)) AS entry
), new_context AS (
    INSERT INTO {SCHEMA}.context_messages (conversation_id, position, message_id)
    SELECT lease.id, position, message_id
    FROM lease, jsonb_to_recordset(CAST(:context AS jsonb)) AS entry (position bigint, message_id text)
), new_step AS (
    INSERT INTO {SCHEMA}.steps ({_columns(_STEP_COLUMNS)})
    SELECT {_columns(_STEP_COLUMNS, "entry.")}
    FROM lease, jsonb_populate_recordset(CAST(NULL AS {SCHEMA}.steps), CAST(:steps AS jsonb)) AS entry
), new_trace AS (
    INSERT INTO {SCHEMA}.provider_traces (step_id, organization_id, exchange)
    SELECT CAST(:trace_step_id AS text), :organization_id, CAST(:trace AS bytea)
    FROM lease WHERE CAST(:trace AS bytea) IS NOT NULL
), old_context AS (
    DELETE FROM {SCHEMA}.context_messages USING lease
    WHERE conversation_id = lease.id
        AND message_id IN (SELECT jsonb_array_elements_text(CAST(:dropped AS jsonb)))
)"""  # noqa: S608 - the schema's name is validated by the settings


def _step_statement(also: str | None = None, *, due_runs: str | None = None) -> TextClause:
    """The statement that stores a step.

    Args:
        also: what is done beside.
        due_runs: ids of runs that wait because of that, as a value in SQL; the run's usage tells them.
    """
    further = f", {also}" if also else ""
    usage = "CAST(:usage AS jsonb)" + (f" || jsonb_build_object('run_ids', {due_runs})" if due_runs else "")
    return text(f"""
WITH {_LEASE}, {_PRODUCED}{further}, run AS (
    UPDATE {SCHEMA}.runs
    SET updated_at = now(), status = :status, stop_reason = :stop_reason,
        usage = {usage},
        error = CAST(:error AS jsonb), completed_at = CASE WHEN :final THEN now() END, ttft_ns = :ttft_ns,
        total_duration_ns = :duration_ns
    FROM lease WHERE runs.id = :run_id
), agent AS (
    UPDATE {SCHEMA}.agents
    SET last_run_completion = now(), last_stop_reason = :stop_reason, last_run_duration_ms = :duration_ns / 1000000
    FROM lease WHERE :final AND agents.id = :agent_id
)
SELECT count(*) AS stored, {due_runs or "NULL"} AS run_ids, :final AND {_HAS_WEBHOOKS} AS has_webhooks
FROM lease
""")  # noqa: S608 - the schema's name is validated by the settings


_COMMIT = _step_statement()
_COMMIT_PROCESSED = _step_statement(NOTE_PROCESSED)
_COMMIT_COUNTED = _step_statement(COUNT_TURN, due_runs=DUE_RUNS)


@dataclass(slots=True)
class StepCommit:
    """What a step produced.

    Attributes:
        status: of the run: ``running`` while the turn goes on.
        dropped: ids of messages that leave the context.
        digest: of the system message, where this transaction has compiled it anew. It stays as it is otherwise:
            somebody else may have done so since the turn has seen it.
    """

    messages: Sequence[Message] = ()
    step: JsonObject | None = None
    trace: bytes | None = None
    status: str = _RUNNING
    stop_reason: str | None = None
    error: JsonObject | None = None
    duration_ns: int | None = None
    dropped: Sequence[str] = ()
    digest: str | None = None


def commit_step(connection: Connection, turn: Turn, commit: StepCommit) -> Committed | None:
    """Store what a step produced and renew the lease, or give it back at the end of the run.

    Returns None, and stores nothing, when the lease is another process's by now. At the end of a turn of an agent
    whose memory others look after, their runs are let wait, and the stored usage tells them.
    """
    statement, values = _end_of_turn(turn, commit)
    row = connection.execute(
        statement,
        {
            "conversation_id": turn.conversation.id,
            "owner": turn.lease.owner,
            "epoch": turn.lease.epoch,
            "lease_seconds": turn.lease.seconds,
            "digest": commit.digest,
            "final": commit.status != _RUNNING,
            "messages": _rows(turn.actor, commit.messages),
            "context": _places(commit.messages),
            "steps": json.dumps([_step_values(turn, commit.step)] if commit.step else []),
            "trace_step_id": commit.step["id"] if commit.step else None,
            "organization_id": turn.actor.organization_id,
            "trace": commit.trace,
            "dropped": json.dumps(list(commit.dropped)),
            "status": commit.status,
            "stop_reason": commit.stop_reason,
            "usage": turn.usage.model_dump_json(),
            "error": None if commit.error is None else json.dumps(commit.error),
            "ttft_ns": turn.first_token_ns,
            "duration_ns": commit.duration_ns,
            "run_id": turn.run_id,
            "agent_id": turn.agent.id,
            **values,
        },
    ).one()
    return Committed(row.has_webhooks, row.run_ids) if row.stored else None


_COMMITTED = text(f"""
SELECT completed_at IS NOT NULL AND {_HAS_WEBHOOKS} AS has_webhooks, usage -> 'run_ids' AS run_ids
FROM {SCHEMA}.runs WHERE id = :run_id
""")  # noqa: S608 - the schema's name is validated by the settings


_END = text(f"SELECT status, stop_reason FROM {SCHEMA}.runs WHERE id = :run_id")  # noqa: S608 - as above


def find_committed(connection: Connection, turn: Turn) -> Committed:
    """What `commit_step` returned for the turn's last step, where that was lost.

    A run that is over by now may have been deleted already: then nobody wants to be told of its end.
    """
    values = {"run_id": turn.run_id, "organization_id": turn.actor.organization_id}
    row = connection.execute(_COMMITTED, values).first()
    return Committed(has_webhooks=False, run_ids=None) if row is None else Committed(*row)


def find_ended(connection: Connection, turn: Turn, commit: StepCommit) -> Committed | None:
    """What `commit_step` returned at the end of a turn, where that was lost; None if it has not ended so."""
    ended = connection.execute(_END, {"run_id": turn.run_id}).first()
    if ended is not None and tuple(ended) != (commit.status, commit.stop_reason):
        return None
    return find_committed(connection, turn)


def _end_of_turn(turn: Turn, commit: StepCommit) -> tuple[TextClause, JsonObject]:
    """The statement that stores a step, and what it needs beyond that of any step."""
    options = turn.options
    if commit.status == _RUNNING or options.compaction is not None:
        return _COMMIT, {}
    if options.sleeptime is not None:
        told = commit.status == "completed" or turn.steps > 0
        return (_COMMIT_PROCESSED, options.sleeptime) if told else (_COMMIT, {})
    if not turn.agent.enable_sleeptime or commit.status != "completed" or commit.stop_reason == "requires_approval":
        return _COMMIT, {}
    last = [*turn.context, *commit.messages][-1:]
    request = RunOptions(max_steps=_SLEEPTIME_STEPS, run_type=_SLEEPTIME_RUN)
    return _COMMIT_COUNTED, {
        "last_message_id": last[0].id if last else None,
        "user_id": turn.actor.user_id,
        "sleeptime_request": json.dumps(request.to_json()),
        "sleeptime_metadata": json.dumps(request.metadata()),
    }


def step_exists(connection: Connection, step_id: str) -> bool:
    """Whether a step was stored."""
    return connection.scalar(select(steps.c.id).where(steps.c.id == step_id)) is not None


def _step_values(turn: Turn, step: JsonObject) -> JsonObject:
    common: JsonObject = {
        "organization_id": turn.actor.organization_id,
        "agent_id": turn.agent.id,
        "run_id": turn.run_id,
        "request_id": turn.request_id,
        "project_id": turn.agent.project_id,
        "created_by_id": turn.actor.user_id,
        "last_updated_by_id": turn.actor.user_id,
        "tags": [],
        "tools_used": [],
    }
    return common | step


def _rows(actor: Actor, new: Sequence[Message]) -> str:
    return json.dumps([message_values(actor, message) for message in new], default=_iso)


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a message")


def _places(placed: Sequence[Message]) -> str:
    return json.dumps([{"position": message.position, "message_id": message.id} for message in placed])
