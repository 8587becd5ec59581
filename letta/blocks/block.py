"""A block as the rest of the server knows it."""

from dataclasses import dataclass, field
from typing import Any

from letta.constants import DEFAULT_BLOCK_LIMIT


@dataclass(slots=True)
class Block:
    """A labelled text in an agent's context, which the agent edits itself."""

    id: str
    label: str
    value: str
    limit: int = DEFAULT_BLOCK_LIMIT
    description: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    read_only: bool = False
    hidden: bool | None = None
    version: int = 1
    is_template: bool = False
    template_name: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    entity_id: str | None = None
    project_id: str | None = None
    preserve_on_migration: bool = False
    created_by_id: str | None = None
    last_updated_by_id: str | None = None
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes a version of a block: a user, or an agent in the course of a run."""

    type: str
    id: str | None
    run_id: str | None = None
