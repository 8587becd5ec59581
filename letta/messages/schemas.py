"""Requests about messages, and the answer to a turn."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from letta.constants import DEFAULT_MAX_STEPS
from letta.json_types import JsonObject
from letta.schema import CallbackUrl, Schema

MessageType = Literal[
    "system_message",
    "user_message",
    "assistant_message",
    "reasoning_message",
    "hidden_reasoning_message",
    "tool_call_message",
    "tool_return_message",
    "approval_request_message",
    "approval_response_message",
    "summary_message",
    "event_message",
]


class TextContent(Schema):
    """A piece of text."""

    type: Literal["text"] = "text"
    text: str
    signature: str | None = None


_CONTENT = {
    "url": "its url",
    "base64": "its data or media_type",
    "letta": "its data or media_type; images can't be referenced by file_id, send them as base64",
}


class ImageSource(Schema):
    """Where an image comes from: a URL, or inline base64 data, whatever file they came from."""

    type: Literal["url", "base64", "letta"]
    url: str | None = None
    media_type: str | None = None
    data: str | None = None
    file_id: str | None = None
    detail: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> "ImageSource":
        needed = {"url": self.url, "base64": self.data and self.media_type, "letta": self.data and self.media_type}
        if not needed[self.type]:
            raise ValueError(f"an image source of type '{self.type}' lacks {_CONTENT[self.type]}")
        return self


class ImageContent(Schema):
    """An image."""

    type: Literal["image"]
    source: ImageSource


class ReasoningContent(Schema):
    """Thoughts of a model, as it gave them."""

    type: Literal["reasoning"]
    reasoning: str
    is_native: bool = True
    signature: str | None = None


ContentPart = Annotated[TextContent | ImageContent | ReasoningContent, Field(discriminator="type")]


class MessageCreate(Schema):
    """A new message of a user, the system, or (to set a scene) the assistant."""

    type: Literal["message"] | None = "message"
    role: Literal["user", "system", "assistant"]
    content: str | list[ContentPart]
    name: str | None = None
    otid: str | None = Field(
        None, description="Id chosen by the client: a message with the same otid is not stored twice."
    )
    sender_id: str | None = None
    group_id: str | None = None


class Decision(Schema):
    """The approval or denial of one call."""

    type: Literal["approval"] = "approval"
    tool_call_id: str
    approve: bool
    reason: str | None = None


class ClientToolReturn(Schema):
    """What a tool that runs at the client returned."""

    type: Literal["tool"] = "tool"
    tool_call_id: str
    tool_return: str | list[JsonObject]
    status: Literal["success", "error"] = "success"
    stdout: list[str] | None = None
    stderr: list[str] | None = None


class ApprovalCreate(Schema):
    """The answer to a request for approval."""

    type: Literal["approval"]
    approvals: list[Decision | ClientToolReturn] | None = None
    approve: bool | None = Field(None, description="Deprecated: the decision about a single call.")
    approval_request_id: str | None = None
    reason: str | None = None
    otid: str | None = None
    group_id: str | None = None


class ToolReturnCreate(Schema):
    """Results of tools that ran at the client."""

    type: Literal["tool_return"]
    tool_returns: list[ClientToolReturn]
    otid: str | None = None
    group_id: str | None = None


class ClientTool(Schema):
    """A tool that runs at the client, for this request only."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None


class ClientSkill(Schema):
    """A skill that the client offers, for this request only."""

    name: str
    description: str | None = None
    location: str | None = None


InputMessage = ApprovalCreate | ToolReturnCreate | MessageCreate


class LettaRequest(Schema):
    """A turn: new messages for an agent, and how to answer them."""

    messages: list[InputMessage] | None = Field(None, description="The new messages.")
    input: str | list[ContentPart] | None = Field(None, description="Shorthand for a single user message.")
    max_steps: int = Field(DEFAULT_MAX_STEPS, ge=0, description="Most model calls in the turn.")
    include_return_message_types: list[MessageType] | None = None
    include_compaction_messages: bool = False
    use_assistant_message: bool = True
    assistant_message_tool_name: str = "send_message"
    assistant_message_tool_kwarg: str = "message"
    client_tools: list[ClientTool] | None = None
    client_skills: list[ClientSkill] | None = None
    override_model: str | None = None
    override_system: str | None = None
    enable_thinking: Any = True
    return_logprobs: bool = False
    top_logprobs: int | None = None
    return_token_ids: bool = False

    @model_validator(mode="after")
    def _one_input(self) -> "LettaRequest":
        if (self.messages is None) == (self.input is None):
            raise ValueError("send exactly one of messages and input")
        return self


class LettaStreamingRequest(LettaRequest):
    """A turn that may be streamed."""

    streaming: bool = Field(False, description="Respond with server-sent events.")
    stream_tokens: bool = Field(False, description="Stream pieces of messages as the model writes them.")
    include_pings: bool = Field(True, description="Send pings so that proxies don't cut an idle stream.")
    background: bool = Field(False, description="Keep the events so that any client can resume the stream.")


class LettaAsyncRequest(LettaRequest):
    """A turn that nobody waits for."""

    callback_url: CallbackUrl | None = Field(None, description="Where the end of the turn is told.")


class UsageStatistics(Schema):
    """Tokens that a turn used."""

    message_type: Literal["usage_statistics"] = "usage_statistics"
    completion_tokens: int = 0
    prompt_tokens: int = 0
    total_tokens: int = 0
    step_count: int = 0
    run_ids: list[str] | None = None
    cached_input_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None
    context_tokens: int | None = None


class StopReason(Schema):
    """Why a turn ended."""

    message_type: Literal["stop_reason"] = "stop_reason"
    stop_reason: str


class LettaResponse(Schema):
    """The whole answer to a turn. Messages have the shapes of the message list."""

    messages: list[JsonObject]
    stop_reason: StopReason
    usage: UsageStatistics
    logprobs: JsonObject | None = None
    turns: list[JsonObject] | None = None
