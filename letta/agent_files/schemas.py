"""The agent file (``.af``): agents with all that they consist of, under ids that mean something in the file alone.

The format is that of the former upstream server. Files of its older versions, and those that other programs write, lack
some of the fields; what can be told without them is not asked for.
"""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from letta.agents.agent_types import AgentType
from letta.blocks.schemas import CreateBlock
from letta.json_types import JsonObject
from letta.messages.schemas import ImageSource
from letta.schema import Schema
from letta.tools.schemas import Requirement, SourceType, ToolType

_EARLIEST, _LATEST = 1970, 9000


def _point_in_time(moment: datetime) -> datetime:
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if not _EARLIEST < moment.year < _LATEST:
        raise ValueError(f"the year {moment.year} is not between {_EARLIEST} and {_LATEST}; correct the date")
    return moment.astimezone(UTC)


PointInTime = Annotated[datetime, AfterValidator(_point_in_time)]


class _Open(Schema):
    """Keeps fields that it doesn't know: providers sign and number what their models say."""

    model_config = ConfigDict(extra="allow")


class TextPart(_Open):
    """Something said."""

    type: Literal["text"]
    text: str
    signature: str | None = None


class ImagePart(_Open):
    """Something shown."""

    type: Literal["image"]
    source: ImageSource


class ReasoningPart(_Open):
    """Something thought."""

    type: Literal["reasoning"]
    reasoning: str
    is_native: bool = True
    signature: str | None = None


class RedactedReasoningPart(_Open):
    """Something thought that only its provider can read."""

    type: Literal["redacted_reasoning"]
    data: str


class OmittedReasoningPart(_Open):
    """Something thought that was not told."""

    type: Literal["omitted_reasoning"]
    signature: str | None = None


class SummarizedReasoningPart(_Open):
    """The summary of something thought."""

    type: Literal["summarized_reasoning"]
    id: str
    summary: list[JsonObject]
    encrypted_content: str | None = None


Part = Annotated[
    TextPart | ImagePart | ReasoningPart | RedactedReasoningPart | OmittedReasoningPart | SummarizedReasoningPart,
    Field(discriminator="type"),
]


class CalledFunction(Schema):
    """Which tool was called, and how."""

    name: str
    arguments: str | JsonObject = "{}"


class ToolCallInFile(_Open):
    """A call of a tool."""

    id: str
    function: CalledFunction
    type: Literal["function"] = "function"


class ToolReturnInFile(Schema):
    """What a call came to. ``func_response`` tells status, message and time as JSON text."""

    tool_call_id: str | None = None
    status: Literal["success", "error"] = "success"
    stdout: list[str] | None = None
    stderr: list[str] | None = None
    func_response: str | list[Part] | None = None


class ApprovalInFile(Schema):
    """The decision about one call."""

    type: Literal["approval"] = "approval"
    tool_call_id: str
    approve: bool
    reason: str | None = None


class MessageInFile(Schema):
    """One message of an agent."""

    type: Literal["message"] | None = "message"
    id: str
    role: Literal["system", "user", "assistant", "tool", "function", "approval", "summary"]
    content: list[Part] | str | None = None
    name: str | None = None
    otid: str | None = None
    sender_id: str | None = None
    group_id: str | None = None
    batch_item_id: str | None = None
    model: str | None = None
    agent_id: str | None = None
    tool_calls: list[ToolCallInFile] | None = None
    tool_call_id: str | None = None
    tool_returns: list[ToolReturnInFile] | None = None
    created_at: PointInTime | None = None
    approve: bool | None = None
    approval_request_id: str | None = None
    denial_reason: str | None = None
    approvals: list[ApprovalInFile | ToolReturnInFile] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "MessageInFile":
        if self.role == "approval" and not (self.tool_calls or self.approvals or self.approve is not None):
            raise ValueError("a message with role 'approval' needs tool_calls or approvals")
        if self.role in {"tool", "function"} and not (self.tool_returns or self.tool_call_id):
            raise ValueError("a message with role 'tool' needs tool_returns")
        return self


class BlockInFile(CreateBlock):
    """A memory block. Former servers let values grow beyond the limit."""

    id: str
    limit: int | None = Field(None, ge=0, le=2**31 - 1)  # type: ignore[assignment]
    hidden: bool | None = None


class FolderInFile(Schema):
    """A folder, under its former name of source."""

    id: str
    name: str = Field(min_length=1, max_length=255)
    description: str | None = None
    instructions: str | None = None
    metadata: JsonObject | None = None
    embedding: str | None = None
    embedding_chunk_size: int | None = Field(None, gt=0)
    embedding_config: JsonObject | None = None


class FileInFile(Schema):
    """A file of a folder, with its text."""

    id: str
    source_id: str | None = None
    file_name: str | None = None
    original_file_name: str | None = None
    file_type: str | None = None
    file_size: int | None = Field(None, ge=0, le=2**63 - 1)
    content: str | None = None


class FileViewInFile(Schema):
    """What an agent sees of a file."""

    file_id: str | None = None
    is_open: bool = True
    start_line: int | None = Field(None, ge=0, le=2**31 - 1)
    end_line: int | None = Field(None, ge=0, le=2**31 - 1)
    last_accessed_at: PointInTime | None = None


class ToolInFile(Schema):
    """A tool. Those that come with the server are known by their names."""

    id: str
    tool_type: ToolType = "custom"
    name: str | None = None
    description: str | None = None
    source_type: SourceType | None = None
    source_code: str | None = None
    json_schema: JsonObject | None = None
    args_json_schema: JsonObject | None = None
    tags: list[str] | None = None
    return_char_limit: int | None = None
    pip_requirements: list[Requirement] | None = None
    npm_requirements: list[Requirement] | None = None
    default_requires_approval: bool | None = None
    enable_parallel_execution: bool | None = None
    metadata_: JsonObject | None = None
    project_id: str | None = None


class McpServerInFile(Schema):
    """An MCP server. ``metadata_`` may name, under ``needs``, what it lacks since files don't tell it."""

    id: str
    server_type: str | None = None
    server_name: str | None = None
    server_url: str | None = None
    stdio_config: JsonObject | None = None
    metadata_: JsonObject | None = None


_LOOKED_AT = (
    "id",
    "tool_ids",
    "block_ids",
    "source_ids",
    "folder_ids",
    "in_context_message_ids",
    "messages",
    "files_agents",
    "group_ids",
    "identity_ids",
    "agent_type",
    "model",
    "llm_config",
    "embedding",
    "embedding_config",
)


class AgentInFile(Schema):
    """An agent: references into the file, its messages and models, and ``settings``, all other fields as given."""

    id: str
    tool_ids: list[str] | None = None
    block_ids: list[str] | None = None
    source_ids: list[str] | None = None
    folder_ids: list[str] | None = None
    in_context_message_ids: list[str] | None = None
    messages: list[Any] | None = Field(None, description="Each is a `MessageInFile`; there may be very many.")
    files_agents: list[FileViewInFile] | None = None
    group_ids: list[str] | None = None
    identity_ids: list[str] | None = None
    agent_type: AgentType = "letta_v1_agent"
    model: str | None = None
    llm_config: JsonObject | None = None
    embedding: str | None = None
    embedding_config: JsonObject | None = None
    settings: JsonObject

    @model_validator(mode="before")
    @classmethod
    def _settings_apart(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        settings = {name: value for name, value in given.items() if name not in _LOOKED_AT and value is not None}
        return {name: given[name] for name in _LOOKED_AT if given.get(name) is not None} | {"settings": settings}

    @property
    def folders(self) -> list[str]:
        """Ids of the agent's folders, under either name."""
        return list(dict.fromkeys([*(self.folder_ids or ()), *(self.source_ids or ())]))


class AgentFile(Schema):
    """The whole file."""

    agents: list[AgentInFile] = Field(min_length=1)
    groups: list[JsonObject] | None = None
    blocks: list[BlockInFile] | None = None
    files: list[FileInFile] | None = None
    sources: list[FolderInFile] | None = None
    tools: list[ToolInFile] | None = None
    mcp_servers: list[McpServerInFile] | None = None
    skills: list[JsonObject] | None = None


class Skill(Schema):
    """A skill of the client that goes along with an agent: its files by path, or where they are."""

    name: str
    files: dict[str, str] | None = None
    source_url: str | None = None


class ExportAgentRequest(Schema):
    """What of an agent is to be exported, and with what."""

    skills: list[Skill] = Field(default_factory=list)
    conversation_id: str | None = Field(
        None, description="Export the messages of this conversation instead of those of the default conversation."
    )
    scrub_messages: bool = Field(False, description="Leave all messages out.")


class ImportedAgents(Schema):
    """What became of an agent file."""

    agent_ids: list[str]
    not_imported: dict[str, int] = Field(
        default_factory=dict,
        description="Sections of the file that this server does not support, with their number of entries.",
    )
    warnings: list[str] = Field(
        default_factory=list, description="What else differs from the file, and what can be done about it."
    )
