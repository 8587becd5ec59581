"""What the system message tells of the conversation and of the memory beyond it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from letta.system_message import repository

MOST_COUNTED = 10_000
"""Where counting ends: a model needs to know no more, and it takes no longer however long the agent has lived."""


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What the metadata section tells.

    Attributes:
        conversation_label: ``default``, or the conversation's id.
        recall_count: messages that the agent has beyond its context; at most `MOST_COUNTED`.
        archival_count: passages in its archival memory; at most `MOST_COUNTED`.
    """

    conversation_label: str = "default"
    recall_count: int = 0
    archival_count: int = 0
    compiled_at: datetime | None = None


def facts_of(connection: Connection, agent_id: str, *, in_context: int, label: str = "default") -> SystemFacts:
    """Counts of an agent, ``in_context`` of whose messages are in the context of the conversation named so."""
    stored, archival = repository.counts_of_agent(connection, agent_id, MOST_COUNTED + in_context, MOST_COUNTED)
    return SystemFacts(conversation_label=label, recall_count=max(0, stored - in_context), archival_count=archival)
