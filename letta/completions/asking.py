"""From a request of an OpenAI client to the run that it asks for."""

from dataclasses import dataclass

from letta.completions import responses
from letta.completions.chosen_conversation import conversation_of
from letta.completions.incoming import client_tools
from letta.completions.pieces import Pieces
from letta.completions.schemas import AgentRequest, ResponsesRequest
from letta.constants import DEFAULT_MAX_STEPS
from letta.json_types import JsonObject
from letta.messages.schemas import InputMessage
from letta.organizations.actor import Actor
from letta.runs.view import RunView
from letta.server.server import SyncServer
from letta.turn.request import RunOptions, RunRequest


@dataclass(frozen=True, slots=True)
class Asked:
    """An agent that is asked something in one of its conversations, and the client's functions that it may call."""

    agent_id: str
    conversation_id: str | None
    tools: list[JsonObject]

    def run(self, body: AgentRequest, said: list[InputMessage], run_type: str) -> RunRequest:
        """The run that is asked for."""
        kept = {responses.NAME: responses.kept_of(body)} if isinstance(body, ResponsesRequest) else {}
        options = RunOptions(
            max_steps=DEFAULT_MAX_STEPS,
            run_type=run_type,
            stream_tokens=bool(body.stream),
            client_tools=self.tools,
            request_config=kept,
        )
        return RunRequest(self.agent_id, self.conversation_id, said, options)

    def pieces(self, view: RunView) -> Pieces:
        """What a client is told of the run."""
        return Pieces(view.agent_type, {tool["name"] for tool in self.tools})


async def asked(server: SyncServer, actor: Actor, agent_id: str, conversation: str | None, body: AgentRequest) -> Asked:
    """What a request is for. The conversation is begun if it isn't there.

    Raises:
        OpenAIError: the conversation is another agent's, or the client's functions aren't described as such.
        NotFoundError: there is no such agent.
    """
    tools = client_tools(body)
    return Asked(agent_id, await conversation_of(server, actor, agent_id, conversation), tools)
