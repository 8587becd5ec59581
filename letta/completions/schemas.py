"""Requests and answers of agents and models used as plain text generators."""

from typing import Any, Literal

from pydantic import Field

from letta.http.schema import Schema
from letta.messages.schemas import UsageStatistics

JsonObject = dict[str, Any]


class GenerateRequest(Schema):
    """A question to an agent's model, without the agent's memory or history."""

    prompt: str = Field(min_length=1)
    system_prompt: str | None = None
    override_model: str | None = None
    response_schema: JsonObject | None = Field(None, description="JSON schema that the answer has to meet.")


class GenerateResponse(Schema):
    """The model's answer."""

    content: str
    model: str
    usage: UsageStatistics


class ChatMessage(Schema):
    """A message in OpenAI's form."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[JsonObject] | None = None


class ChatCompletionRequest(Schema):
    """OpenAI's request for a chat completion, with an agent's id as the model."""

    model: str
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool | None = False
    stream_options: JsonObject | None = None
    user: str | None = None
