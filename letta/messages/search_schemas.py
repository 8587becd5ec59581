"""Searches among messages on the wire."""

from typing import Annotated, Any, Literal

from pydantic import Field

from letta.messages.stored_form import StoredMessage
from letta.schema import Moment, Schema, Timestamp

SearchMode = Annotated[
    Literal["vector", "fts", "hybrid"],
    Field(
        description="Accepted for compatibility: messages are found by keywords, their own and those of neighbouring "
        "messages."
    ),
]
MessageRole = Literal["assistant", "user", "tool", "function", "system", "approval", "summary"]


class _Conditions(Schema):
    """Which messages are searched."""

    search_mode: SearchMode = "hybrid"
    agent_id: str | None = Field(None, description="Only messages of this agent.")
    conversation_id: str | None = Field(
        None, description="Only this conversation; `default` for agents' default conversations."
    )
    limit: int = Field(50, ge=1, le=100)
    start_date: Moment | None = None
    end_date: Moment | None = None


class SearchAllMessages(_Conditions):
    """A search among all messages of the organization."""

    query: str = Field(description="What to look for, in natural language. Blank lists the newest messages.")


class SearchMessages(_Conditions):
    """A search among messages, by what was said and by whom."""

    query: str | None = Field(None, description="What to look for; if omitted, the newest messages are returned.")
    roles: list[MessageRole] | None = Field(None, description="Only messages with these roles.")
    project_id: str | None = None
    template_id: str | None = None


class FoundMessageItem(Schema):
    """A message that was found."""

    message_type: Literal["system_message", "user_message", "assistant_message"]
    content: str | list[dict[str, Any]]
    message_id: str
    agent_id: str | None
    conversation_id: str | None = Field(description="Null for an agent's default conversation.")
    created_at: Timestamp


class MessageSearchResult(Schema):
    """A message that was found, as it is stored."""

    embedded_text: str = Field(description="The text of the message, as it was searched.")
    message: StoredMessage
    fts_rank: int | None = Field(description="Rank among the results, from 1. Null without a query.")
    vector_rank: int | None = None
    rrf_score: float = Field(description="1 for the best match, 0 without a query.")
