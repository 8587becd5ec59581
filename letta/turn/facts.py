"""The counts that a system message tells."""

from sqlalchemy import Connection

from letta.turn import repository
from letta.turn.system import MOST_COUNTED, SystemFacts


def facts_of(connection: Connection, agent_id: str, *, in_context: int, label: str = "default") -> SystemFacts:
    """Counts of an agent, ``in_context`` of whose messages are in the context of the conversation named so."""
    stored, archival = repository.counts_of_agent(connection, agent_id, MOST_COUNTED + in_context, MOST_COUNTED)
    return SystemFacts(conversation_label=label, recall_count=max(0, stored - in_context), archival_count=archival)
