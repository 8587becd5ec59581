"""Requests and answers of agents and models used through OpenAI's API, or as plain text generators."""

from typing import Any, Literal

from pydantic import Field

from letta.json_types import JsonObject
from letta.messages.schemas import UsageStatistics
from letta.schema import Schema


class GenerateRequest(Schema):
    """A question to an agent's model, without the agent's memory or history."""

    prompt: str = Field(min_length=1)
    system_prompt: str | None = None
    override_model: str | None = None
    response_schema: JsonObject | None = Field(None, description="JSON schema that the answer must match.")


class GenerateResponse(Schema):
    """The model's answer."""

    content: str
    model: str
    usage: UsageStatistics


class OpenAIModel(Schema):
    """An agent, as a model in OpenAI's form."""

    id: str = Field(description="The agent's id.")
    object: Literal["model"] = "model"
    created: int = Field(description="When the agent was created, in seconds since 1970.")
    owned_by: str = "letta"
    name: str = Field(description="The agent's name. If it is unique, it can be used as model, too.")


class OpenAIModelList(Schema):
    """The agents, as models in OpenAI's form."""

    object: Literal["list"] = "list"
    data: list[OpenAIModel]


class ChatMessage(Schema):
    """A message in OpenAI's form."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[JsonObject] | None = None
    tool_call_id: str | None = Field(None, description="For role `tool`: the call whose result this is.")


class AgentRequest(Schema):
    """What OpenAI's two ways to ask a model have in common. What isn't named here is accepted and ignored."""

    model: str = Field(min_length=1, description="Id of an agent, or its name if it is unique.")
    stream: bool | None = False
    metadata: JsonObject | None = Field(
        None, description="`conversation_id` or `chat_id` in it selects a conversation of the agent."
    )
    tools: list[JsonObject] | None = Field(
        None, description="Functions that the client runs, in addition to the agent's own tools."
    )
    tool_choice: Any = Field(
        None, description="`none` disables the client's functions; anything else is up to the agent."
    )


class ChatCompletionRequest(AgentRequest):
    """OpenAI's request for a chat completion, with an agent as the model."""

    messages: list[ChatMessage] = Field(min_length=1)
    stream_options: JsonObject | None = None
    n: int | None = None
    response_format: JsonObject | None = None
    modalities: list[str] | None = None
    logprobs: bool | None = None
    user: str | None = Field(None, description="Ignored: it names a person, not a conversation.")


class ConversationParam(Schema):
    """A conversation, as an object."""

    id: str


class ResponsesRequest(AgentRequest):
    """OpenAI's request for a response, with an agent as the model."""

    input: str | list[JsonObject] = Field(description="What the user says, or a whole history that ends with it.")
    previous_response_id: str | None = Field(None, description="A response whose conversation is continued.")
    conversation: str | ConversationParam | None = Field(
        None, description="Id of one of the agent's conversations, or any name that the client chooses for one."
    )
    background: bool | None = Field(False, description="Return at once while the turn goes on.")
    text: JsonObject | None = None
    prompt: JsonObject | None = None
