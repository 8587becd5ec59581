"""A group as the rest of the server knows it."""

from dataclasses import dataclass, field

SLEEPTIME = "sleeptime"
DEFAULT_FREQUENCY = 5
"""After so many turns the sleep-time agent of an agent works that nobody said anything else of."""


@dataclass(slots=True)
class Group:
    """Agents that belong together, and how they are managed.

    Attributes:
        turns_counter: of sleep-time groups: how many turns their manager has ended, less one.
        last_processed_message_id: of sleep-time groups: up to where their agents were told what was said.
    """

    id: str
    organization_id: str
    manager_type: str
    description: str
    manager_agent_id: str | None = None
    termination_token: str | None = None
    max_turns: int | None = None
    sleeptime_agent_frequency: int | None = None
    turns_counter: int | None = None
    last_processed_message_id: str | None = None
    hidden: bool | None = None
    project_id: str | None = None
    template_id: str | None = None
    base_template_id: str | None = None
    deployment_id: str | None = None
    agent_ids: list[str] = field(default_factory=list)
    shared_block_ids: list[str] = field(default_factory=list)
