"""Sending messages: from a request to the run that it asks for, and from the run to an answer."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Header, Query, Request
from fastapi.responses import Response

from letta.errors import UnprocessableError
from letta.http import sse
from letta.messages.schemas import (
    LettaAsyncRequest,
    LettaRequest,
    LettaResponse,
    LettaStreamingRequest,
    MessageCreate,
    MessageType,
)
from letta.messages.wire import Presentation
from letta.organizations.actor import Actor
from letta.runs.frames import Recording
from letta.runs.presentation import json_answer, ping, sse_frames
from letta.server.server import SyncServer
from letta.settings import settings
from letta.turn.request import RunOptions, RunRequest, hash_body

RetryCount = Annotated[int, Header(alias="x-stainless-retry-count", include_in_schema=False)]
Queued = Annotated[
    bool, Query(description="Wait in line for a busy conversation instead of being refused with status 409.")
]


@dataclass(frozen=True, slots=True)
class Sending:
    """How a request came, beside what it says: whether a client sends it again, and its id there."""

    request: Request
    retry_count: RetryCount = 0
    request_id: Annotated[str | None, Header(alias="x-api-request-log-id", include_in_schema=False)] = None

    async def mark(self, run: RunRequest) -> RunRequest:
        """The run that the request asks for, such that it is recognized when the request is sent again."""
        return replace(
            run,
            body_hash=hash_body(await self.request.json()),
            resent=self.retry_count > 0,
            request_id=self.request_id,
        )


SendingDep = Annotated[Sending, Depends()]

STREAM_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"model": LettaResponse, "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


async def answer(
    server: SyncServer, actor: Actor, run: RunRequest, body: LettaStreamingRequest, *, queue: bool = False
) -> Response:
    """Start the run and show it as the request wants.

    Raises:
        UnavailableError: there are too many readers of runs; nothing was started.
    """
    presentation = presentation_of(body)
    with ExitStack() as reading:
        reading.enter_context(server.readers.place())
        view = await server.executor.start(actor, run, queue=queue)
        if not body.streaming:
            return await json_answer(view, presentation)
        if body.background and view.background:
            recording = await server.executor.stream(actor, view.run_id, starting_after=0, pings=body.include_pings)
            return _recorded(recording, reading)
        frames = sse_frames(view, presentation, tokens=body.stream_tokens, pings=body.include_pings)
        pinged = sse.with_pings(frames, lambda: _ping(view.run_id, body), settings.keepalive_interval)
        return sse.Stream(pinged, reading.pop_all().close)


async def resumed(server: SyncServer, actor: Actor, run_id: str, *, starting_after: int, pings: bool) -> Response:
    """The stream of a background run, after the message with some number.

    Raises:
        NotFoundError: there is no such run.
        InvalidArgumentError: it isn't a background run.
        GoneError: its events are kept no longer.
        UnavailableError: there are too many readers of runs.
    """
    with ExitStack() as reading:
        reading.enter_context(server.readers.place())
        recording = await server.executor.stream(actor, run_id, starting_after=starting_after, pings=pings)
        return _recorded(recording, reading)


def _recorded(recording: Recording, reading: ExitStack) -> Response:
    frames = sse.with_pings(recording.read(), recording.ping, settings.keepalive_interval)
    return sse.Stream(frames, reading.pop_all().close)


def _ping(run_id: str, body: LettaStreamingRequest) -> bytes:
    return sse.data(ping(run_id)) if body.include_pings else sse.COMMENT


def presentation_of(body: LettaRequest) -> Presentation:
    """How a request wants messages shown."""
    return Presentation(
        types_of(body.include_return_message_types),
        body.use_assistant_message,
        body.assistant_message_tool_name,
        body.assistant_message_tool_kwarg,
    )


def types_of(types: list[MessageType] | None) -> frozenset[str] | None:
    """The types of messages to show; None for all."""
    return None if types is None else frozenset(types)


def run_request(
    agent_id: str | None,
    body: LettaRequest,
    *,
    conversation_id: str | None = None,
    run_type: str | None = None,
) -> RunRequest:
    """The run that a request asks for. ``run_type`` is what it is called; by default, what the kind of answer says.

    Raises:
        UnprocessableError: the list of messages is empty.
    """
    messages = body.messages
    if body.input is not None:
        messages = [MessageCreate(role="user", content=body.input)]
    if not messages:
        raise UnprocessableError("Messages must not be empty")
    return RunRequest(
        agent_id=agent_id,
        conversation_id=conversation_id,
        messages=messages,
        options=_options(body, run_type),
    )


def _options(body: LettaRequest, run_type: str | None) -> RunOptions:
    streaming = isinstance(body, LettaStreamingRequest) and body.streaming
    asynchronous = isinstance(body, LettaAsyncRequest)
    return RunOptions(
        max_steps=body.max_steps,
        run_type=run_type or ("send_message_async" if asynchronous else "send_message"),
        stream_tokens=isinstance(body, LettaStreamingRequest) and streaming and body.stream_tokens,
        background=asynchronous or (isinstance(body, LettaStreamingRequest) and streaming and body.background),
        client_tools=[tool.model_dump() for tool in body.client_tools or ()],
        client_skills=[skill.model_dump() for skill in body.client_skills or ()],
        override_model=body.override_model,
        override_system=body.override_system,
        include_compaction_messages=body.include_compaction_messages,
        callback_url=body.callback_url if isinstance(body, LettaAsyncRequest) else None,
        request_config={
            "use_assistant_message": body.use_assistant_message,
            "assistant_message_tool_name": body.assistant_message_tool_name,
            "assistant_message_tool_kwarg": body.assistant_message_tool_kwarg,
            "include_return_message_types": body.include_return_message_types,
        },
    )
