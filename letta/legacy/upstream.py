"""The database of the former server: by what it is recognised, and what becomes of each of its tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from letta.errors import ConfigurationError

KNOWN_REVISIONS = {"1c28e167b74f": "0.16.8"}
"""Alembic's revisions of the former server whose tables are known, and the version that each is of."""

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
    "file_contents": "files",
    "groups_agents": "groups",
    "groups_blocks": "groups",
    "run_metrics": "runs",
    "step_metrics": "steps",
}
"""Tables that are brought over along with the one that they refer to."""

LEFT_BEHIND = {
    "providers": "not brought over yet: add them again by /v1/providers",
    "sandbox_configs": "where tools run is chosen by LETTA_TOOL_SANDBOX",
    "sandbox_environment_variables": "not brought over yet: set them again by /v1/sandbox-config",
    "alembic_version": "of no use here",
    "provider_models": "made anew from what the providers offer",
    "provider_traces": "requests to models, which are kept for days only, and don't change what agents know",
    "provider_trace_metadata": "belongs to provider_traces",
    "prompts": "the former server didn't use it",
    "jobs": "records of finished background work; runs are brought over",
    "llm_batch_job": "records of batches of a provider",
    "llm_batch_items": "records of batches of a provider",
    "mcp_oauth": "sign-ins to MCP servers; sign in again",
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
            f"There are no tables of the former server in schema {shape.schema}: {missing} are missing. "
            "Name its database with --from, and its schema with --from-schema."
        )
    if shape.revision in KNOWN_REVISIONS or (shape.revision is not None and shape.revision == accepted):
        return
    known = ", ".join(f"{revision} ({version})" for revision, version in KNOWN_REVISIONS.items())
    raise ConfigurationError(
        f"The tables of the former server are at revision {shape.revision or '(none)'}, which isn't known here; known "
        f"are: {known}. Start the former server once in its last version (0.16.8), which brings them up to date, then "
        f"import. To read them as they are, look at `--dry-run --accept-revision {shape.revision}` first. Nothing was "
        "changed."
    )
