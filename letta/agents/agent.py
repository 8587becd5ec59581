"""An agent as the rest of the server knows it."""

from dataclasses import dataclass, field
from datetime import datetime

from letta.json_types import JsonObject


@dataclass(slots=True)
class Agent:
    """An agent's own row: configuration, without its blocks, tools and history.

    ``llm_config``, ``embedding_config`` and ``compaction_settings`` have the shapes of the V1 API and are stored as
    JSON; they are complete when stored, so that a turn needs no other source.
    """

    id: str
    organization_id: str
    name: str
    agent_type: str
    system: str
    llm_config: JsonObject
    description: str | None = None
    metadata: JsonObject | None = None
    embedding_config: JsonObject | None = None
    compaction_settings: JsonObject | None = None
    response_format: JsonObject | None = None
    tool_rules: list[JsonObject] = field(default_factory=list)
    timezone: str = "UTC"
    message_buffer_autoclear: bool = False
    enable_sleeptime: bool | None = None
    max_files_open: int | None = None
    per_file_view_window_char_limit: int | None = None
    hidden: bool | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    last_run_completion: datetime | None = None
    last_run_duration_ms: int | None = None
    last_stop_reason: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
