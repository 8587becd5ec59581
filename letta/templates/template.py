"""Templates and their versions, without the agent files that they hold."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Template:
    """What agents are made after."""

    id: str
    name: str
    description: str | None
    project_id: str | None
    latest_version: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """A saved state of a template."""

    id: str
    template_id: str
    version: int
    message: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Instance:
    """An agent that was made after a template: of which entry of the file, and with which variables."""

    agent_id: str
    entry_id: str | None
    memory_variables: dict[str, str]
