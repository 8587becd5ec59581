"""Agents on the wire."""

from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from letta.agents.agent_types import AgentType, traits_of
from letta.agents.compaction_settings import CompactionSettings
from letta.agents.model_config import EmbeddingConfig, LLMConfig
from letta.agents.model_settings import MAX_INTEGER, ModelSettings, ResponseFormat
from letta.agents.names import NAME_MAX_LENGTH, NAME_PATTERN, check_name
from letta.agents.tool_rules import ToolRule
from letta.blocks.schemas import BlockResponse, CreateBlock
from letta.constants import DEFAULT_EMBEDDING_CHUNK_SIZE
from letta.database.ids import id_field
from letta.folders.schemas import SourceResponse
from letta.groups.schemas import GroupResponse
from letta.identities.schemas import IdentityResponse
from letta.json_types import JsonObject
from letta.messages.schemas import MessageCreate
from letta.schema import Schema, Timestamp
from letta.tools.schemas import ToolResponse

StopReasonType = Literal[
    "end_turn",
    "error",
    "llm_api_error",
    "invalid_llm_response",
    "invalid_tool_call",
    "max_steps",
    "max_tokens_exceeded",
    "no_tool_call",
    "tool_rule",
    "cancelled",
    "insufficient_credits",
    "requires_approval",
    "context_window_overflow_in_system_prompt",
]


def _known_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name}' is not a time zone; use an IANA name, such as Europe/Paris") from error
    return name


def _deprecated(default: Any, instead: str | None = None, **constraints: Any) -> Any:
    """A field that only older clients use. (Pydantic's own mark would warn whenever the server reads it.)"""
    return Field(default, description=instead, json_schema_extra={"deprecated": True}, **constraints)


Name = Annotated[
    str,
    AfterValidator(check_name),
    Field(
        max_length=NAME_MAX_LENGTH,
        description="Letters, digits, spaces, hyphens, underscores and apostrophes. Names need not be unique.",
        json_schema_extra={"pattern": NAME_PATTERN},
    ),
]
TimeZone = Annotated[str, AfterValidator(_known_timezone)]
Tag = Annotated[str, Field(min_length=1, max_length=255)]
ToolIdentifier = Annotated[str, id_field("tool")]
BlockIdentifier = Annotated[str, id_field("block")]
FolderIdentifier = Annotated[str, id_field("source")]
MessageIdentifier = Annotated[str, id_field("message")]
SecretName = Annotated[str, Field(min_length=1, max_length=255)]


class CreateAgent(Schema):
    """A new agent. A model is needed, unless the server has a default one; all else has defaults."""

    name: Name | None = None
    agent_type: AgentType = "letta_v1_agent"
    system: str | None = Field(None, description="System prompt. By default, a prompt that fits the agent's type.")
    description: str | None = None
    metadata: JsonObject | None = None
    tags: list[Tag] | None = None

    memory_blocks: list[CreateBlock] | None = Field(None, description="Blocks to create for the agent.")
    block_ids: list[BlockIdentifier] | None = Field(None, description="Stored blocks to share with the agent.")
    tools: list[str] | None = Field(None, description="Names of tools to attach.")
    tool_ids: list[ToolIdentifier] | None = None
    folder_ids: list[FolderIdentifier] | None = None
    source_ids: list[FolderIdentifier] | None = _deprecated(None, "Use folder_ids.")
    identity_ids: list[str] | None = Field(None, description="Identities that the agent is attached to.")
    secrets: dict[SecretName, str] | None = Field(None, description="Environment variables of the agent's tools.")
    tool_exec_environment_variables: dict[SecretName, str] | None = _deprecated(None, "Use secrets.")

    tool_rules: list[ToolRule] | None = None
    include_base_tools: bool = Field(True, description="Whether the agent gets the default tools of its type.")
    include_multi_agent_tools: bool = False
    include_base_tool_rules: bool | None = None
    include_default_source: bool = _deprecated(False, "Not supported: there is no default folder. Use folder_ids.")
    initial_message_sequence: list[MessageCreate] | None = Field(
        None, description="Initial messages, instead of those for the agent's type."
    )

    model: str | None = Field(None, description="Handle of the model, such as openai/gpt-4o-mini.")
    embedding: str | None = Field(None, description="Handle of an embedding model (optional).")
    model_settings: ModelSettings | None = None
    context_window_limit: int | None = Field(None, gt=0, le=MAX_INTEGER, description="Tokens that the agent may use.")
    compaction_settings: CompactionSettings | None = None
    embedding_chunk_size: int | None = _deprecated(DEFAULT_EMBEDDING_CHUNK_SIZE, gt=0, le=MAX_INTEGER)
    llm_config: LLMConfig | None = _deprecated(None, "Use model and model_settings.")
    embedding_config: EmbeddingConfig | None = _deprecated(None, "Use embedding.")
    max_tokens: int | None = _deprecated(None, "Use model_settings.", gt=0, le=MAX_INTEGER)
    max_reasoning_tokens: int | None = _deprecated(None, "Use model_settings.", ge=0, le=MAX_INTEGER)
    enable_reasoner: bool | None = _deprecated(True, "Use model_settings.")
    reasoning: bool | None = _deprecated(None, "Use model_settings.")
    parallel_tool_calls: bool | None = _deprecated(None, "Use model_settings.")
    response_format: ResponseFormat | None = _deprecated(None, "Use model_settings.")

    timezone: TimeZone | None = Field(None, description="IANA name; UTC by default.")
    message_buffer_autoclear: bool = Field(False, description="Whether each turn starts with an empty context.")
    enable_sleeptime: bool | None = Field(
        None, description="Whether a second agent maintains the agent's memory in the background."
    )
    max_files_open: int | None = Field(None, ge=0, le=MAX_INTEGER)
    per_file_view_window_char_limit: int | None = Field(None, ge=0, le=MAX_INTEGER)
    hidden: bool | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    from_template: str | None = _deprecated(None, "Use the operations on templates.")
    template: bool = _deprecated(False, "Use the operations on templates.")
    memory_variables: JsonObject | None = _deprecated(None, "Only templates have variables.")

    @model_validator(mode="after")
    def _some_types_need_sleeptime(self) -> "CreateAgent":
        if traits_of(self.agent_type).needs_sleeptime and not self.enable_sleeptime:
            raise ValueError(f"agent type {self.agent_type} needs enable_sleeptime to be true")
        return self


class UpdateAgent(Schema):
    """Changes to an agent. Fields that are left out stay as they are; lists are replaced as a whole."""

    name: Name | None = None
    system: str | None = None
    description: str | None = None
    metadata: JsonObject | None = None
    tags: list[Tag] | None = None

    block_ids: list[BlockIdentifier] | None = None
    tool_ids: list[ToolIdentifier] | None = None
    folder_ids: list[FolderIdentifier] | None = None
    source_ids: list[FolderIdentifier] | None = _deprecated(None, "Use folder_ids.")
    identity_ids: list[str] | None = None
    secrets: dict[SecretName, str] | None = None
    tool_exec_environment_variables: dict[SecretName, str] | None = _deprecated(None, "Use secrets.")
    tool_rules: list[ToolRule] | None = None
    message_ids: list[MessageIdentifier] | None = Field(
        None, description="The context: ids of messages of this agent, in order, the system message first."
    )

    model: str | None = None
    embedding: str | None = None
    model_settings: ModelSettings | None = None
    context_window_limit: int | None = Field(None, gt=0, le=MAX_INTEGER)
    compaction_settings: CompactionSettings | None = None
    llm_config: LLMConfig | None = _deprecated(None, "Use model and model_settings.")
    embedding_config: EmbeddingConfig | None = _deprecated(None, "Use embedding.")
    max_tokens: int | None = _deprecated(None, "Use model_settings.", gt=0, le=MAX_INTEGER)
    reasoning: bool | None = _deprecated(None, "Use model_settings.")
    parallel_tool_calls: bool | None = _deprecated(None, "Use model_settings.")
    response_format: ResponseFormat | None = _deprecated(None, "Use model_settings.")

    timezone: TimeZone | None = None
    message_buffer_autoclear: bool | None = None
    enable_sleeptime: bool | None = Field(
        None, description="Whether a second agent maintains the agent's memory in the background."
    )
    max_files_open: int | None = Field(None, ge=0, le=MAX_INTEGER)
    per_file_view_window_char_limit: int | None = Field(None, ge=0, le=MAX_INTEGER)
    hidden: bool | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    last_run_completion: Timestamp | None = None
    last_run_duration_ms: int | None = Field(None, ge=0, le=2**63 - 1)
    last_stop_reason: StopReasonType | None = None


class FileBlock(Schema):
    """A file that an agent may look into, in the form of a memory block."""

    id: str
    label: str | None = Field(None, description="Name under which the agent sees the file: folder/file.")
    value: str = Field(description="The part of the file that the agent sees; empty if the file is closed.")
    limit: int
    read_only: bool = True
    description: str | None = None
    metadata: JsonObject | None = Field(default_factory=dict)
    tags: list[str] | None = Field(default_factory=list)
    hidden: bool | None = None
    project_id: str | None = None
    template_name: str | None = None
    is_template: bool = False
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    preserve_on_migration: bool | None = False
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    file_id: str
    source_id: str
    is_open: bool
    last_accessed_at: Timestamp | None = None


class Memory(Schema):
    """Core memory: the blocks of an agent."""

    agent_type: AgentType | None = None
    git_enabled: bool = False
    blocks: list[BlockResponse]
    file_blocks: list[FileBlock] = Field(default_factory=list, description="Files of the agent's folders.")
    prompt_template: str = ""


class AgentSecret(Schema):
    """An environment variable of an agent's tools."""

    id: str
    key: str
    value: str
    description: str | None = None
    agent_id: str
    organization_id: str | None = None
    value_enc: str | None = Field(None, description="Always null: encrypted values are never returned.")
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None


class AgentState(Schema):
    """A stored agent. Relations that were not asked for are empty."""

    id: str
    name: str
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    created_at: Timestamp | None = None
    updated_at: Timestamp | None = None
    agent_type: AgentType
    system: str
    description: str | None = None
    metadata: JsonObject | None = None
    tool_rules: list[ToolRule] | None = None
    message_ids: list[str] | None = Field(None, description="The context of the default conversation.")
    model: str | None = None
    embedding: str | None = None
    model_settings: ModelSettings | None = None
    llm_config: LLMConfig = _deprecated(..., "Use model and model_settings.")
    embedding_config: EmbeddingConfig | None = None
    compaction_settings: CompactionSettings | None = None
    response_format: ResponseFormat | None = None
    memory: Memory = _deprecated(..., "Use blocks.")
    blocks: list[BlockResponse]
    tools: list[ToolResponse]
    sources: list[SourceResponse] = _deprecated(..., "Use the folders of the agent.")
    tags: list[str]
    secrets: list[AgentSecret] = Field(default_factory=list)
    tool_exec_environment_variables: list[AgentSecret] = Field(
        default_factory=list, description="Use secrets.", json_schema_extra={"deprecated": True}
    )
    identity_ids: list[str] = Field(default_factory=list)
    identities: list[IdentityResponse] = Field(default_factory=list)
    pending_approval: JsonObject | None = None
    message_buffer_autoclear: bool = False
    enable_sleeptime: bool | None = Field(
        None, description="Whether a second agent maintains the agent's memory in the background."
    )
    multi_agent_group: GroupResponse | None = Field(
        None, description="Use managed_group.", json_schema_extra={"deprecated": True}
    )
    managed_group: GroupResponse | None = Field(None, description="The group managed by the agent.")
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    last_run_completion: Timestamp | None = None
    last_run_duration_ms: int | None = None
    last_stop_reason: str | None = None
    timezone: str | None = None
    max_files_open: int | None = None
    per_file_view_window_char_limit: int | None = None
    hidden: bool | None = None


class ResetMessages(Schema):
    """How to empty a context."""

    add_default_initial_messages: bool = Field(
        False, description="Whether to add the initial messages that a new agent of this type gets."
    )


class ModifyApproval(Schema):
    """Whether calls of a tool need a person's approval."""

    requires_approval: bool
