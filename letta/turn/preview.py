"""What a turn would send to the model, without beginning it."""

from typing import Any

from sqlalchemy import Connection

from letta.llm.chat import request_body
from letta.organizations.actor import Actor
from letta.turn.begin import Claim, load_turn, take_input
from letta.turn.context import chat_request
from letta.turn.models import ModelSource
from letta.turn.place_repository import lock_place
from letta.turn.request import RunRequest
from letta.turn.turn import Turn

_NOBODY = Claim(owner="preview", lease_seconds=0)


def preview_turn(connection: Connection, actor: Actor, request: RunRequest) -> Turn:
    """The turn that a request would begin. The caller's transaction must be rolled back or hold nothing else."""
    locked = lock_place(connection, actor, request)
    turn = load_turn(connection, actor, request, locked, _NOBODY)
    take_input(turn, request.messages)
    return turn


def preview_body(turn: Turn, models: ModelSource) -> dict[str, Any]:
    """The body of the model request of the turn's first step. That it offers no tools is told, as clients expect."""
    body = request_body(chat_request(turn, models.of(turn).config))
    return {"tools": None, "tool_choice": None} | body
