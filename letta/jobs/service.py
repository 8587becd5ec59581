"""What is done with jobs and batches."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from letta.database.ids import new_id
from letta.database.pagination import Page
from letta.errors import ConflictError, InvalidArgumentError, NotFoundError
from letta.jobs import repository
from letta.jobs.job import BATCH, Job
from letta.jobs.schemas import CreateBatch
from letta.json_types import JsonObject
from letta.messages import repository as messages_repository
from letta.messages.images import with_images
from letta.messages.message import Message
from letta.messages.repository import MessageFilter
from letta.messages.schemas import InputMessage
from letta.messages.sending import run_request
from letta.organizations.actor import Actor
from letta.outgoing import egress
from letta.runs import queue_repository
from letta.runs.queue_repository import NewRun
from letta.turn.request import RunRequest


async def requested_runs(body: CreateBatch) -> list[RunRequest]:
    """The runs that a request for a batch asks for.

    Raises:
        InvalidArgumentError: there are no requests, or an address may not be asked.
        EgressError: an image can't be had.
        UnprocessableError: a list of messages is empty.
    """
    if not body.requests:
        raise InvalidArgumentError("requests is empty. Send at least one request.")
    await egress.check(body.callback_url)
    asked = [run_request(each.agent_id, each, run_type="send_message_batch") for each in body.requests]
    # All in one go: what images may take together is meant for the whole request.
    complete = iter(await with_images([message for request in asked for message in request.messages]))
    return [replace(request, messages=[next(complete) for _ in request.messages]) for request in asked]


def create_batch(connection: Connection, actor: Actor, asked: Sequence[RunRequest], callback_url: str | None) -> Job:
    """Store a batch, whose runs wait from now on.

    Raises:
        NotFoundError: an agent isn't there.
    """
    job_id = new_id("job")
    repository.insert_job(connection, actor, job_id, BATCH, {"type": "batch_messages"}, callback_url)
    new = [
        NewRun(
            id=new_id("run"),
            agent_id=request.agent_id or "",
            options=replace(request.options, job_id=job_id),
            queued={"messages": [_stored(message) for message in request.messages]},
        )
        for request in asked
    ]
    missing = queue_repository.insert_queued(connection, actor, new)
    if missing:
        raise NotFoundError(f"requests: there is no agent {missing[0]}. No turn was started.")
    return repository.get_job(connection, actor, job_id)


def _stored(message: InputMessage) -> JsonObject:
    return message.model_dump(mode="json")


def list_messages(connection: Connection, actor: Actor, job_id: str, agent_id: str | None, page: Page) -> list[Message]:
    """Messages of the runs of a batch, those that they were given included.

    Raises:
        NotFoundError: no such batch, or the cursor is no message of the organization.
    """
    repository.get_job(connection, actor, job_id, BATCH)
    condition = MessageFilter(job_id=job_id, of_agent=agent_id)
    return messages_repository.list_messages(connection, actor, condition, page)


def cancel_job(connection: Connection, actor: Actor, job_id: str, job_type: str | None = None) -> list[str]:
    """Cancel a job: its runs that wait never begin. Returns the ids of those that are going on.

    Raises:
        NotFoundError: no such job.
    """
    repository.get_job(connection, actor, job_id, job_type)
    repository.note_cancelled(connection, actor, job_id)
    queue_repository.cancel_queued(connection, actor, repository.unfinished_runs(connection, job_id))
    return repository.unfinished_runs(connection, job_id)


def delete_job(connection: Connection, actor: Actor, job_id: str) -> Job:
    """Delete a job that is over. Its runs and their messages stay.

    Raises:
        NotFoundError: no such job.
        ConflictError: some of its runs aren't over.
    """
    job = repository.get_job(connection, actor, job_id)
    if not job.is_over:
        raise ConflictError(f"Job {job_id} is still running. Cancel it first.")
    repository.delete_job(connection, job_id)
    return job
