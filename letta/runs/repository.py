"""Queries that start, advance and end runs.

A run's writes are single statements made of several writes: each is one round trip, and all of it depends on the
run's lease.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, TextClause, and_, bindparam, exists, func, select, text, update

from letta.agents.agent import Agent
from letta.agents.tables import agents, agents_folders
from letta.conversations.conversation import Conversation
from letta.conversations.hold import Hold
from letta.conversations.tables import conversations
from letta.database.base import SCHEMA
from letta.errors import no_such
from letta.json_types import JsonObject
from letta.messages.message import Message
from letta.messages.repository import STORED, message_values
from letta.messages.tables import messages
from letta.organizations.actor import Actor
from letta.runs.request import RunOptions, RunRequest
from letta.runs.tables import runs
from letta.steps.tables import steps
from letta.turn.turn import Committed, Lease, Turn
from letta.webhooks.tables import webhooks

RESEND_WINDOW = timedelta(minutes=10)
ACTIVE = ("created", "running")

_MESSAGE_COLUMNS = ", ".join(["organization_id", *STORED])


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnPlace(Hold):
    """Where a turn is to take place: a conversation whose row is locked, its agent, and whether that has folders."""

    conversation: Conversation
    agent: Agent
    lease_epoch: int
    has_folders: bool


@dataclass(frozen=True, slots=True)
class RunRow:
    """What is needed of a run to recognise and replay it."""

    id: str
    status: str
    conversation_id: str


_HAS_FOLDERS = exists().where(agents_folders.c.agent_id == agents.c.id).label("has_folders")
_LOCKED = (
    select(conversations, agents, _HAS_FOLDERS)
    .join(agents, agents.c.id == conversations.c.agent_id)
    .where(conversations.c.organization_id == bindparam("organization_id"))
    .with_for_update(of=conversations, nowait=True)
)
_LOCKED_DEFAULT = _LOCKED.where(conversations.c.agent_id == bindparam("agent_id"), conversations.c.is_default)
_LOCKED_BY_ID = _LOCKED.where(conversations.c.id == bindparam("conversation_id"), conversations.c.deleted_at.is_(None))


def lock_conversation(connection: Connection, actor: Actor, request: RunRequest) -> TurnPlace:
    """Lock the conversation that a request is for.

    Raises:
        NotFoundError: there is no such agent or conversation.
        sqlalchemy.exc.OperationalError: another transaction holds the row (the unit is then repeated).
    """
    query = _LOCKED_DEFAULT if request.conversation_id is None else _LOCKED_BY_ID
    values = {
        "organization_id": actor.organization_id,
        "agent_id": request.agent_id,
        "conversation_id": request.conversation_id,
    }
    row = connection.execute(query, values).first()
    if row is None:
        missing = request.conversation_id or request.agent_id
        kind = "conversation" if request.conversation_id else "agent"
        raise no_such(kind, str(missing))
    return _locked(row)


_CONVERSATION = {field.name: conversations.c[field.name] for field in fields(Conversation)}
_AGENT = {field.name: agents.c[field.name] for field in fields(Agent)}


def _locked(row: Row[Any]) -> TurnPlace:
    values = row._mapping
    return TurnPlace(
        conversation=Conversation(**{name: values[column] for name, column in _CONVERSATION.items()}),
        agent=Agent(**{name: values[column] for name, column in _AGENT.items()}),
        active_run_id=values[conversations.c.active_run_id],
        lease_epoch=values[conversations.c.lease_epoch],
        lease_expires_at=values[conversations.c.lease_expires_at],
        has_folders=row.has_folders,
    )


def find_same_run(connection: Connection, conversation_id: str, request: RunRequest) -> RunRow | None:
    """The run that this request has started already, if it was sent before: by otid, or as a client's own retry."""
    if request.otids:
        same = find_run_by_otid(connection, conversation_id, request.otids)
        if same is not None:
            return same
    if not request.resent or request.body_hash is None:
        return None
    query = (
        select(runs.c.id, runs.c.status, runs.c.conversation_id, runs.c.request_hash, runs.c.created_at)
        .where(runs.c.conversation_id == conversation_id)
        .order_by(runs.c.created_at.desc(), runs.c.id.desc())
    )
    last = connection.execute(query.limit(1)).first()
    if last is None or last.request_hash != request.body_hash or last.created_at < datetime.now(UTC) - RESEND_WINDOW:
        return None
    return RunRow(last.id, last.status, last.conversation_id)


def find_run_by_otid(connection: Connection, conversation_id: str, otids: Sequence[str]) -> RunRow | None:
    """The newest run in a conversation that a message with one of these otids has started."""
    query = (
        select(runs.c.id, runs.c.status, runs.c.conversation_id)
        .join(messages, messages.c.run_id == runs.c.id)
        .where(messages.c.conversation_id == conversation_id, messages.c.otid.in_(otids))
        .order_by(runs.c.created_at.desc())
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else RunRow(*row)


def has_run(connection: Connection, conversation_id: str, run_id: str) -> bool:
    """Whether a run was made in a conversation."""
    query = select(runs.c.id).where(runs.c.id == run_id, runs.c.conversation_id == conversation_id)
    return connection.scalar(query) is not None


_START = text(f"""
WITH new_run AS (
    INSERT INTO {SCHEMA}.runs (id, organization_id, created_by_id, last_updated_by_id, agent_id, conversation_id,
        status, background, request, request_hash, metadata, callback_url, project_id)
    VALUES (:run_id, :organization_id, :user_id, :user_id, :agent_id, :conversation_id, 'running',
        :background, CAST(:request AS jsonb), :request_hash, CAST(:metadata AS jsonb), :callback_url, :project_id)
    ON CONFLICT (id) DO UPDATE SET status = 'running', request = excluded.request, queued = NULL, updated_at = now()
), new_messages AS (
    INSERT INTO {SCHEMA}.messages ({_MESSAGE_COLUMNS})
    SELECT {_MESSAGE_COLUMNS} FROM jsonb_populate_recordset(CAST(NULL AS {SCHEMA}.messages), CAST(:messages AS jsonb))
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


_STEP_COLUMNS = ", ".join(
    [
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
)

_SLEEPTIME_RUN = "sleeptime_agent_send_message_async"
_SLEEPTIME_STEPS = 50

_COUNT_TURN = f"""
, managed AS (
    UPDATE {SCHEMA}.groups
    SET turns_counter = coalesce(turns_counter, -1) + 1, updated_at = now(),
        last_processed_message_id = CASE
            WHEN (coalesce(turns_counter, -1) + 1) % coalesce(sleeptime_agent_frequency, 1) = 0
            THEN coalesce(:last_message_id, last_processed_message_id) ELSE last_processed_message_id
        END
    FROM lease
    WHERE groups.manager_agent_id = :agent_id AND groups.manager_type = 'sleeptime'
    RETURNING groups.id, turns_counter % coalesce(sleeptime_agent_frequency, 1) = 0 AS due
), members AS (
    SELECT managed.id AS group_id, conversations.id AS conversation_id, agents.id, agents.project_id,
        waiting.id AS waiting_id
    FROM managed
    JOIN {SCHEMA}.groups_agents ON groups_agents.group_id = managed.id
    JOIN {SCHEMA}.agents ON agents.id = groups_agents.agent_id
    JOIN {SCHEMA}.conversations ON conversations.agent_id = agents.id AND conversations.is_default
    LEFT JOIN {SCHEMA}.runs waiting ON waiting.queued IS NOT NULL AND waiting.agent_id = agents.id
        AND waiting.queued ->> 'group_id' = managed.id
    WHERE managed.due AND agents.id <> :agent_id
), queued AS (
    INSERT INTO {SCHEMA}.runs (id, organization_id, created_by_id, last_updated_by_id, agent_id, conversation_id,
        status, request, metadata, project_id, queued)
    SELECT 'run-' || gen_random_uuid(), :organization_id, :user_id, :user_id, id, conversation_id, 'created',
        CAST(:sleeptime_request AS jsonb), CAST(:sleeptime_metadata AS jsonb) || jsonb_build_object('agent_id', id),
        project_id, jsonb_build_object('group_id', group_id)
    FROM members WHERE waiting_id IS NULL
    RETURNING id
), due AS (
    SELECT id FROM queued UNION SELECT waiting_id FROM members WHERE waiting_id IS NOT NULL
)"""  # noqa: S608 - the schema's name is validated by the settings
"""At the end of a turn of an agent whose memory others look after: one of them waits at most once."""

_NOTE_PROCESSED = f"""
, processed AS (
    UPDATE {SCHEMA}.groups_agents SET processed_sequence_id = :through
    FROM lease WHERE groups_agents.group_id = :group_id AND groups_agents.agent_id = :agent_id
)"""  # noqa: S608 - the schema's name is validated by the settings
"""At the end of a turn in which memory was looked after: that it needn't be told the same again."""


_STEP = f"""
WITH lease AS (
    UPDATE {SCHEMA}.conversations
    SET last_message_at = now(), system_digest = coalesce(:digest, system_digest),
        active_run_id = CASE WHEN :final THEN NULL ELSE active_run_id END,
        lease_owner = CASE WHEN :final THEN NULL ELSE lease_owner END,
        lease_expires_at = CASE WHEN :final THEN NULL ELSE now() + make_interval(secs => :lease_seconds) END
    WHERE id = :conversation_id AND lease_owner = :owner AND lease_epoch = :epoch
    RETURNING id
), new_messages AS (
    INSERT INTO {SCHEMA}.messages ({_MESSAGE_COLUMNS})
    SELECT {", ".join(f"entry.{column}" for column in _MESSAGE_COLUMNS.split(", "))}
    FROM lease, jsonb_populate_recordset(CAST(NULL AS {SCHEMA}.messages), CAST(:messages AS jsonb)) AS entry
), new_context AS (
    INSERT INTO {SCHEMA}.context_messages (conversation_id, position, message_id)
    SELECT lease.id, position, message_id
    FROM lease, jsonb_to_recordset(CAST(:context AS jsonb)) AS entry (position bigint, message_id text)
), new_step AS (
    INSERT INTO {SCHEMA}.steps ({_STEP_COLUMNS})
    SELECT {", ".join(f"entry.{column}" for column in _STEP_COLUMNS.split(", "))}
    FROM lease, jsonb_populate_recordset(CAST(NULL AS {SCHEMA}.steps), CAST(:steps AS jsonb)) AS entry
), new_trace AS (
    INSERT INTO {SCHEMA}.provider_traces (step_id, organization_id, exchange)
    SELECT CAST(:trace_step_id AS text), :organization_id, CAST(:trace AS bytea)
    FROM lease WHERE CAST(:trace AS bytea) IS NOT NULL
), old_context AS (
    DELETE FROM {SCHEMA}.context_messages USING lease
    WHERE conversation_id = lease.id
        AND message_id IN (SELECT jsonb_array_elements_text(CAST(:dropped AS jsonb)))
)/* extra */, run AS (
    UPDATE {SCHEMA}.runs
    SET updated_at = now(), status = :status, stop_reason = :stop_reason,
        usage = CAST(:usage AS jsonb) /* and run_ids */,
        error = CAST(:error AS jsonb), completed_at = CASE WHEN :final THEN now() END, ttft_ns = :ttft_ns,
        total_duration_ns = :duration_ns
    FROM lease WHERE runs.id = :run_id
), agent AS (
    UPDATE {SCHEMA}.agents
    SET last_run_completion = now(), last_stop_reason = :stop_reason, last_run_duration_ms = :duration_ns / 1000000
    FROM lease WHERE :final AND agents.id = :agent_id
)
SELECT count(*) /* and run_ids */, :final AND EXISTS (
    SELECT FROM {SCHEMA}.webhooks WHERE organization_id = :organization_id AND enabled
) AS has_webhooks FROM lease
"""  # noqa: S608 - the schema's name is validated by the settings

_DUE_IDS = "(SELECT jsonb_agg(id ORDER BY id) FROM due)"

_COMMIT = text(_STEP)
_COMMIT_PROCESSED = text(_STEP.replace("/* extra */", _NOTE_PROCESSED))
_COMMIT_COUNTED = text(
    _STEP.replace("/* extra */", _COUNT_TURN)
    .replace("/* and run_ids */", f"|| jsonb_build_object('run_ids', {_DUE_IDS})", 1)
    .replace("/* and run_ids */", f", {_DUE_IDS} AS run_ids")
)


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
    status: str = "running"
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
            "final": commit.status not in ACTIVE,
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
    if row[0] == 0:
        return None
    return Committed(row.has_webhooks, row.run_ids if statement is _COMMIT_COUNTED else None)


def find_committed(connection: Connection, turn: Turn) -> Committed:
    """What `commit_step` returned for the turn's last step, where that was lost."""
    wanted = exists().where(webhooks.c.organization_id == turn.actor.organization_id, webhooks.c.enabled)
    query = select(and_(runs.c.completed_at.is_not(None), wanted), runs.c.usage["run_ids"])
    return Committed(*connection.execute(query.where(runs.c.id == turn.run_id)).one())


def _end_of_turn(turn: Turn, commit: StepCommit) -> tuple[TextClause, JsonObject]:
    """The statement that stores a step, and what it needs beyond that of any step."""
    options = turn.options
    if commit.status in ACTIVE or options.compaction is not None:
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


def is_held(turn: Turn) -> ColumnElement[bool]:
    """The condition for the conversation of a turn whose lease is still the turn's own."""
    return and_(
        conversations.c.id == turn.conversation.id,
        conversations.c.lease_owner == turn.lease.owner,
        conversations.c.lease_epoch == turn.lease.epoch,
    )


def holds_lease(connection: Connection, turn: Turn) -> bool:
    """Whether the turn's lease is still its own; renews it, and locks it until the transaction ends."""
    until = func.now() + timedelta(seconds=turn.lease.seconds)
    return connection.execute(update(conversations).where(is_held(turn)).values(lease_expires_at=until)).rowcount > 0


def set_digest(connection: Connection, turn: Turn, digest: str | None) -> None:
    """Remember what the stored system message was compiled from."""
    connection.execute(
        update(conversations).where(conversations.c.id == turn.conversation.id).values(system_digest=digest)
    )


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


def new_lease(locked: TurnPlace, owner: str, seconds: float) -> Lease:
    """The lease that a new run takes."""
    return Lease(owner, locked.lease_epoch + 1, seconds)
