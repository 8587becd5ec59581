"""Responses of runs that began earlier, from what is stored of those."""

from sqlalchemy import Connection

from letta.completions import responses
from letta.completions.pieces import Pieces
from letta.completions.responses import ResponseHead
from letta.json_types import JsonObject
from letta.messages.schemas import UsageStatistics
from letta.organizations.actor import Actor
from letta.runs.event_repository import head_of_run, messages_of_run
from letta.runs.repository import ACTIVE
from letta.runs.run_repository import retrieve_run
from letta.runs.schemas import Run
from letta.turn.request import RunOptions


def stored_response(connection: Connection, actor: Actor, response_id: str) -> JsonObject:
    """The response of a run, whoever began it.

    Raises:
        NotFoundError: there is no such run.
    """
    run = retrieve_run(connection, actor, response_id)
    run_head = head_of_run(connection, actor, response_id)
    functions = {tool["name"] for tool in RunOptions.from_json(run_head.request).client_tools}
    pieces = Pieces(run_head.agent_type, functions).of(messages_of_run(connection, response_id))
    output = responses.items_of(pieces)
    return _shown(_head(run), run, output, UsageStatistics.model_validate(run_head.usage or {}))


def _head(run: Run) -> ResponseHead:
    kept = {"model": run.agent_id} | ((run.request_config or {}).get(responses.NAME) or {})
    return ResponseHead(run.id, created_at=int(run.created_at.timestamp()), conversation_id=run.conversation_id, **kept)


def _shown(head: ResponseHead, run: Run, output: list[JsonObject], used: UsageStatistics) -> JsonObject:
    if run.status in ACTIVE:
        return head.with_status("in_progress", output=output)
    if run.status == "failed":
        error = (run.metadata or {}).get("error") or {}
        message = str(error.get("detail") or error.get("message") or "The run failed.")
        return responses.failed(head, output, message, status=500)
    return responses.ended(head, output, run.stop_reason or "end_turn", used)
