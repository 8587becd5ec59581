"""Jobs and batches on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from letta.database.ids import id_field
from letta.messages.schemas import LettaRequest
from letta.messages.stored_form import StoredMessage
from letta.schema import CallbackUrl, Schema, Timestamp

MOST_REQUESTS = 10_000

JobStatus = Literal["created", "running", "completed", "failed", "pending", "cancelled", "expired"]
JobType = Literal["job", "run", "batch"]
AgentIdentifier = Annotated[str, id_field("agent")]


class JobResponse(Schema):
    """A job: many runs together."""

    id: str
    status: JobStatus
    job_type: JobType
    created_at: Timestamp
    updated_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    user_id: str | None = None
    agent_id: str | None = None
    background: bool | None = None
    stop_reason: str | None = None
    metadata: dict[str, Any] | None = Field(
        None, description="For batches: the number of requests in each status (`request_counts`)."
    )
    callback_url: str | None = None
    callback_sent_at: Timestamp | None = None
    callback_status_code: int | None = None
    callback_error: str | None = None
    ttft_ns: int | None = None
    total_duration_ns: int | None = None


class BatchRequest(LettaRequest):
    """A turn of an agent, as one of a batch."""

    agent_id: AgentIdentifier


class CreateBatch(Schema):
    """Turns that nobody waits for. Those of one agent follow one another, in this order."""

    requests: list[BatchRequest] = Field(max_length=MOST_REQUESTS)
    callback_url: CallbackUrl | None = Field(None, description="URL that is called when the batch ends.")


class BatchMessages(Schema):
    """Messages of the turns of a batch."""

    messages: list[StoredMessage]
