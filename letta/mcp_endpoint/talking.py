"""Saying something to an agent from another program, and waiting for its reply."""

from letta.access.grants import Access
from letta.completions.chosen_conversation import conversation_of
from letta.completions.pieces import Pieces
from letta.constants import DEFAULT_MAX_STEPS
from letta.errors import LettaError
from letta.mcp_endpoint.arguments import SendMessage
from letta.mcp_endpoint.caller import Caller
from letta.messages.schemas import MessageCreate
from letta.runs.view import RunView
from letta.turn.request import RunOptions, RunRequest

_NO_WORDS = {
    "requires_approval": "(The agent is waiting for a person to approve a tool call and can't reply before that.)",
    "cancelled": "(The turn was cancelled.)",
}


class _FailedTurnError(LettaError):
    """The agent's turn failed."""


async def send_message(caller: Caller, given: SendMessage) -> str:
    """The agent's reply. The turn goes on to its end even if nobody waits for it any more.

    Raises:
        LettaError: the turn failed, or couldn't begin.
    """
    agent_id = await caller.agent(given.agent, {Access.WRITE_MESSAGES})
    run = RunRequest(
        agent_id=agent_id,
        conversation_id=await conversation_of(caller.server, caller.actor, agent_id, given.conversation),
        messages=[MessageCreate(role="user", content=given.message)],
        options=RunOptions(max_steps=DEFAULT_MAX_STEPS, run_type="mcp_message"),
    )
    with caller.server.readers.place():
        return await _reply(await caller.server.executor.start(caller.actor, run, queue=True))


async def _reply(view: RunView) -> str:
    try:
        finished = await view.finish()
    except LettaError as error:
        raise _FailedTurnError(f"The agent's turn failed: {error.detail}") from error
    pieces = Pieces(view.agent_type, ()).of(finished.messages)
    texts = [piece.text for piece in pieces if piece.kind == "text"]
    told = _NO_WORDS.get(finished.end.stop_reason)
    return "\n\n".join([*texts, *([told] if told else ())]) or "(The agent said nothing.)"
