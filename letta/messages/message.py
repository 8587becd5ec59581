"""A message as it is stored; `letta.messages.wire` turns it into the messages of the API."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from letta.database.ids import new_id
from letta.json_types import JsonObject

Role = Literal["system", "user", "assistant", "tool", "approval", "summary"]


@dataclass(slots=True)
class Message:
    """One row of the history.

    Attributes:
        content: parts such as ``{"type": "text", "text": …}``, ``{"type": "reasoning", …}``, ``{"type": "image", …}``.
        tool_calls: what an assistant or approval row asks for: ``{"id", "name", "arguments"}``, the last as JSON text.
        tool_returns: what a tool row answers: ``{"tool_call_id", "name", "status", "tool_return", …}``.
        approvals: what a user decided about the calls of an approval row.
        sequence_id: order within the organization; given by the database.
        position: place in the conversation's context, where the message was loaded as part of one.
    """

    role: Role
    agent_id: str
    conversation_id: str
    id: str = field(default_factory=lambda: new_id("message"))
    content: list[JsonObject] = field(default_factory=list)
    tool_calls: list[JsonObject] | None = None
    tool_returns: list[JsonObject] | None = None
    approvals: list[JsonObject] | None = None
    approval_request_id: str | None = None
    name: str | None = None
    model: str | None = None
    otid: str | None = None
    sender_id: str | None = None
    group_id: str | None = None
    run_id: str | None = None
    step_id: str | None = None
    is_err: bool | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    sequence_id: int | None = None
    position: int | None = None

    @property
    def is_plain(self) -> bool:
        """Whether all there is to it is one text, or nothing, so that a string can stand for it."""
        content = self.content
        return not content or (len(content) == 1 and content[0]["type"] == "text")

    @property
    def is_input(self) -> bool:
        """Whether a run was started with it. A compaction on request belongs to no step, and yet is no input."""
        return self.run_id is not None and self.step_id is None and self.role != "summary"

    @property
    def text(self) -> str:
        """The text parts, joined."""
        content = self.content
        if len(content) == 1 and content[0]["type"] == "text":  # as nearly all are, and a context has hundreds
            return str(content[0]["text"])
        return "".join([part["text"] for part in content if part["type"] == "text"])


def text_content(text: str) -> list[JsonObject]:
    """The content of a message that is plain text."""
    return [{"type": "text", "text": text, "signature": None}]
