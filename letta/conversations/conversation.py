"""A conversation as the rest of the server knows it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(slots=True)
class Conversation:
    """What the turns of an agent happen in; the agent's default one has ``is_default`` set.

    Attributes:
        client_key: what a client that numbers its chats itself calls the conversation.
    """

    id: str
    agent_id: str
    is_default: bool
    summary: str | None = None
    description: str | None = None
    model: str | None = None
    model_settings: dict[str, Any] | None = None
    context_window_limit: int | None = None
    hidden: bool | None = None
    archived: bool = False
    archived_at: datetime | None = None
    last_message_at: datetime | None = None
    system_digest: str | None = None
    client_key: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None

    @property
    def label(self) -> str:
        """How the agent is told of it."""
        return "default" if self.is_default else self.id

    @property
    def isolated_in(self) -> str | None:
        """Its id, if it is one that may have blocks of its own; None for the agent's default one."""
        return None if self.is_default else self.id
