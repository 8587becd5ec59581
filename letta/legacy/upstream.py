"""The database of the former server: by what it is recognised, and what becomes of each of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from letta.errors import ConfigurationError

KNOWN_REVISIONS = {
    "1c28e167b74f": "0.16.7 and 0.16.8",
    "b2c3d4e5f6a8": "0.16.5 and 0.16.6",
    "a1b2c3d4e5f8": "0.16.4",
    "27de0f58e076": "0.16.2",
    "39577145c45d": "0.16.1",
    "d0880aae6cee": "0.16.0",
    "b1c2d3e4f5a6": "0.14 and 0.15",
    "f6cd5a1e519d": "0.13",
    "ddb69be34a72": "0.11.7",
}
"""Alembic's revisions of the former server whose tables are known, and the versions that each is of.

Older ones lack tables and columns of newer ones: what is lacking reads as empty. Runs were jobs before 0.13.
"""

MARKS = {"organizations", "users", "agents", "messages", "block", "blocks_agents", "tools"}
"""Tables that every version of it has had, and that together nobody else has."""

REFERENCES = {
    "agents_tags": "agents",
    "agent_environment_variables": "agents",
    "blocks_agents": "agents",
    "tools_agents": "agents",
    "sources_agents": "agents",
    "archives_agents": "agents",
    "identities_agents": "agents",
    "identities_blocks": "identities",
    "block_history": "block",
    "blocks_tags": "block",
    "blocks_conversations": "conversations",
    "conversation_messages": "conversations",
    "passage_tags": "archival_passages",
    "mcp_tools": "tools",
    "provider_models": "providers",
    "file_contents": "files",
    "groups_agents": "groups",
    "groups_blocks": "groups",
    "run_metrics": "runs",
    "step_metrics": "steps",
}
"""Tables that are brought over along with the one that they refer to."""

LEFT_BEHIND = {
    "alembic_version": "not needed by this server",
    "provider_traces": "requests to models, which are only kept for days and do not affect what agents know",
    "provider_trace_metadata": "belongs to provider_traces",
    "job_messages": "which messages belonged to which job; the messages themselves are imported",
    "prompts": "not used by the former server",
    "llm_batch_job": "a provider's records of its batches; what agents said in them is among their messages",
    "llm_batch_items": "a provider's records of its batches; what agents said in them is among their messages",
}
"""Tables that stay where they are, and why."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What was found: the schema, its tables with their columns and these columns' types, and the revision."""

    schema: str
    columns: Mapping[str, Mapping[str, str]]
    revision: str | None

    @property
    def is_upstream(self) -> bool:
        """Whether these are tables of the former server."""
        return self.columns.keys() >= MARKS

    def has(self, table: str, column: str | None = None) -> bool:
        """Whether there is such a table, or column."""
        found = self.columns.get(table)
        return found is not None and (column is None or column in found)


def check_known(shape: Shape, accepted: str | None) -> None:
    """Refuse what isn't known well enough to be read without losing something.

    Args:
        shape: what was found.
        accepted: a revision that somebody has looked at and wants to be read all the same.

    Raises:
        ConfigurationError: there is nothing of the former server, or it is of an unknown revision.
    """
    if not shape.is_upstream:
        missing = ", ".join(sorted(MARKS - shape.columns.keys()))
        raise ConfigurationError(
            f"Schema {shape.schema} does not contain the tables of the former server: {missing} are missing. Name its "
            "database with --from and its schema with --from-schema."
        )
    if shape.revision in KNOWN_REVISIONS or (shape.revision is not None and shape.revision == accepted):
        return
    known = ", ".join(f"{revision} ({version})" for revision, version in KNOWN_REVISIONS.items())
    raise ConfigurationError(
        f"The tables of the former server are at revision {shape.revision or '(none)'}, which is unknown; the known "
        f"ones are: {known}. Start the last version of the former server (0.16.8) once, which brings the tables up to "
        f"date, then import. To import them unchanged, try `--dry-run --accept-revision {shape.revision}` first. "
        "Nothing was changed."
    )
