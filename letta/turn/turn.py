"""The state of one turn while it is carried out."""

from dataclasses import dataclass, field
from typing import Any

from letta.agents.agent import Agent
from letta.blocks.block import Block
from letta.conversations.conversation import Conversation
from letta.llm.chat import Usage
from letta.messages.message import Message
from letta.messages.schemas import UsageStatistics
from letta.organizations.actor import Actor
from letta.runs.request import RunOptions
from letta.tools.tool import Tool
from letta.turn.tool_rules import ToolRules

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to carry out a run; each take-over raises the epoch."""

    owner: str
    epoch: int
    seconds: float


@dataclass(slots=True)
class Turn:
    """Everything a turn needs, loaded in one transaction.

    Attributes:
        context: what the model sees, system message first, input messages last.
        next_position: where the next message goes in the context.
        system_text: the system message in force, where the request overrides the stored one.
    """

    run_id: str
    actor: Actor
    agent: Agent
    conversation: Conversation
    lease: Lease
    options: RunOptions
    blocks: list[Block]
    tools: list[Tool]
    context: list[Message]
    next_position: int
    rules: ToolRules
    request_id: str | None = None
    steps: int = 0
    usage: UsageStatistics = field(default_factory=UsageStatistics)
    started_ns: int = 0
    first_token_ns: int | None = None
    stop_reason: str | None = None

    def add_usage(self, used: Usage) -> None:
        """Count a step's tokens in the turn's."""
        total = self.usage
        total.step_count += 1
        total.prompt_tokens += used.prompt_tokens
        total.completion_tokens += used.completion_tokens
        total.total_tokens += used.total_tokens
        total.cached_input_tokens = _sum(total.cached_input_tokens, used.cached_input_tokens)
        total.cache_write_tokens = _sum(total.cache_write_tokens, used.cache_write_tokens)
        total.reasoning_tokens = _sum(total.reasoning_tokens, used.reasoning_tokens)
        total.context_tokens = used.total_tokens

    def append(self, messages: list[Message]) -> None:
        """Put messages at the end of the context."""
        for message in messages:
            message.position = self.next_position
            self.next_position += 1
        self.context += messages


def _sum(left: int | None, right: int | None) -> int | None:
    return left if right is None else (left or 0) + right
