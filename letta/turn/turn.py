"""The state of one turn while it is carried out."""

from dataclasses import dataclass, field, replace

from letta.agents.agent import Agent
from letta.archives.passage_repository import NewPassage
from letta.conversations.conversation import Conversation
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.llm.usage import Usage
from letta.messages.message import Message
from letta.messages.schemas import UsageStatistics
from letta.organizations.actor import Actor
from letta.system_message.current import Seen
from letta.system_message.shown import Shown
from letta.tools.tool import Tool
from letta.turn.request import RunOptions
from letta.turn.tool_rules import ToolRules


@dataclass(frozen=True, slots=True)
class Lease:
    """The right of one process to carry out a run; each take-over raises the epoch."""

    owner: str
    epoch: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Committed:
    """What follows from a step, or from the end of a turn, that was stored.

    Attributes:
        has_webhooks: whether somebody may want to be told of the turn's end.
        run_ids: runs that wait because of the turn's end, to look after the agent's memory.
    """

    has_webhooks: bool
    run_ids: list[str] | None


@dataclass(slots=True)
class Decision:
    """What is to become of the calls of a step that was held up.

    Attributes:
        request: the row that asked for approval.
        response: the row that answers it, with one item for each of its calls.
        free: calls of the same step that needed no approval, and waited with the others.
        position: place of the returns in the context, right behind the response.
    """

    request: Message
    response: Message
    free: list[JsonObject]
    position: int

    @property
    def calls(self) -> list[JsonObject]:
        """All calls of the step."""
        return [*(self.request.tool_calls or ()), *self.free]


@dataclass(slots=True)
class Turn:
    """Everything a turn needs, loaded in one transaction.

    Transactions that may be run again don't change it: it takes over what they return, by `see` and `note`.

    Attributes:
        shown: what the system message shows beside the prompt.
        context: what the model sees, system message first, input messages last.
        next_position: where the next message goes in the context.
        passages: what calls of the current step want kept, with vectors where they could be made, by call id.
        has_folders: whether the agent had any when the turn began.
        has_webhooks: whether somebody may want to be told of the turn's end, once it is stored.
        catalog: the providers whose models it may call, as soon as that is looked up.
        decision: what the request decides about calls that waited for approval, until it is carried out.
    """

    run_id: str
    actor: Actor
    agent: Agent
    conversation: Conversation
    lease: Lease
    options: RunOptions
    shown: Shown
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
    decision: Decision | None = None
    passages: dict[str, NewPassage] = field(default_factory=dict)
    has_folders: bool = False
    has_webhooks: bool = False
    catalog: Catalog | None = None

    @property
    def tool_names(self) -> list[str]:
        """The names of all tools, whether they may be called now or not."""
        return [tool.name for tool in self.tools]

    def add_usage(self, used: Usage, *, counts_context: bool = True) -> None:
        """Count a step's tokens in the turn's. ``counts_context``: whether they tell the size of the context, too."""
        total = self.usage
        total.step_count += 1
        total.prompt_tokens += used.prompt_tokens
        total.completion_tokens += used.completion_tokens
        total.total_tokens += used.total_tokens
        total.cached_input_tokens = _sum(total.cached_input_tokens, used.cached_input_tokens)
        total.cache_write_tokens = _sum(total.cache_write_tokens, used.cache_write_tokens)
        total.reasoning_tokens = _sum(total.reasoning_tokens, used.reasoning_tokens)
        total.context_tokens = used.total_tokens if counts_context else None

    def see(self, seen: Seen) -> None:
        """Go on with what a transaction has seen, and that stays."""
        self.shown = seen.shown
        self.conversation.system_digest = seen.digest
        self.context[0] = replace(self.context[0], content=seen.content)

    def note(self, committed: Committed) -> None:
        """Go on with what follows from something that was stored."""
        self.has_webhooks = committed.has_webhooks
        if committed.run_ids is not None:
            self.usage.run_ids = committed.run_ids

    def append(self, messages: list[Message]) -> None:
        """Put messages at the end of the context."""
        for message in messages:
            message.position = self.next_position
            self.next_position += 1
        self.context += messages

    def insert(self, messages: list[Message]) -> None:
        """Put messages that have a position into the context, where they belong."""
        self.context = sorted([*self.context, *messages], key=lambda message: message.position or 0)
        self.next_position = max(self.next_position, (self.context[-1].position or 0) + 1)

    def unanswered(self) -> list[Message]:
        """Input of this run that no step has followed yet."""
        rows: list[Message] = []
        for message in reversed(self.context):
            if message.run_id != self.run_id or not message.is_input:
                break
            rows.append(message)
        return rows


def _sum(left: int | None, right: int | None) -> int | None:
    return left if right is None else (left or 0) + right
