"""Agents with their tags, secrets and whatever they hold, and the conversation that each has by itself."""

from collections.abc import Iterable
from typing import get_args
from zoneinfo import ZoneInfo

from letta.agents.agent_types import AgentType
from letta.agents.model_settings import ResponseFormat
from letta.agents.tables import agent_secrets, agents, agents_blocks, agents_folders, agents_tags, agents_tools
from letta.archives.tables import archives_agents
from letta.conversations.tables import conversations
from letta.identities.tables import identities_agents
from letta.json_types import JsonObject
from letta.legacy.checked import checked
from letta.legacy.compaction import compaction_settings
from letta.legacy.models import embedding_config, llm_config
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.tool_rules import tool_rules
from letta.legacy.values import AUDIT, default_conversation_id, grouped, owned, parsed, parsed_object_or_none

_UNNAMED = "Unnamed"
_SAME = (
    *("description", "enable_sleeptime", "max_files_open", "per_file_view_window_char_limit", "hidden"),
    *("project_id", "template_id", "base_template_id", "deployment_id", "entity_id"),
    *("last_run_completion", "last_run_duration_ms", "last_stop_reason"),
)


def _agents(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    organizations = {row["id"]: row["organization_id"] for row in rows}
    tags = reading.related("agents_tags", ("agent_id", "tag"), "agent_id", ids)
    return [
        (agents, [_agent(reading, row) for row in rows]),
        (conversations, [_default_conversation(row) for row in rows]),
        (agents_tags, [row | {"organization_id": organizations[row["agent_id"]]} for row in tags]),
        (agents_blocks, _held_blocks(reading, ids)),
        (agents_tools, _held_tools(reading, rows)),
        (agents_folders, _held_folders(reading, ids)),
        (archives_agents, _held_archives(reading, ids)),
        (identities_agents, reading.related("identities_agents", ("identity_id", "agent_id"), "agent_id", ids)),
        (agent_secrets, _secrets(reading, rows)),
    ]


def _agent(reading: Reading, row: JsonObject) -> JsonObject:
    config = llm_config(reading, row["id"], row["llm_config"])
    return (
        owned(row)
        | {name: row[name] for name in _SAME}
        | {
            "name": row["name"] or _UNNAMED,
            "agent_type": _agent_type(reading, row),
            "system": row["system"] or "",
            "metadata": parsed_object_or_none(row["metadata_"]),
            "llm_config": config,
            "embedding_config": embedding_config(reading, row["id"], row["embedding_config"]),
            "compaction_settings": compaction_settings(reading, row["id"], row["compaction_settings"], config),
            "response_format": checked(
                reading, row["id"], "The response format of an agent", ResponseFormat, parsed(row["response_format"])
            ),
            "tool_rules": tool_rules(reading, row["id"], row["tool_rules"]),
            "timezone": _timezone(reading, row),
            "message_buffer_autoclear": bool(row["message_buffer_autoclear"]),
        }
    )


def _agent_type(reading: Reading, row: JsonObject) -> str:
    known: str = row["agent_type"] or "memgpt_agent"
    if known in get_args(AgentType):
        return known
    reading.notes.add(f"Agents of the unknown type {known} became memgpt_agent", row["id"])
    return "memgpt_agent"


def _timezone(reading: Reading, row: JsonObject) -> str:
    name: str = row["timezone"] or "UTC"
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        reading.notes.add(f"Agents with the unknown time zone {name} got UTC", row["id"])
        return "UTC"
    return name


def _default_conversation(row: JsonObject) -> JsonObject:
    return owned(row) | {"id": default_conversation_id(row["id"]), "agent_id": row["id"], "is_default": True}


def _held_blocks(reading: Reading, ids: list[str]) -> list[JsonObject]:
    """In the order of their labels, as the former server had none."""
    found = reading.related(
        "blocks_agents", ("agent_id", "block_id", "block_label"), "agent_id", ids, order="block_label"
    )
    return [
        {"agent_id": agent_id, "block_id": row["block_id"], "position": place}
        for agent_id, held in grouped(found, "agent_id").items()
        for place, row in enumerate(held)
    ]


def _held_tools(reading: Reading, rows: list[JsonObject]) -> list[JsonObject]:
    found = reading.related("tools_agents", ("agent_id", "tool_id"), "agent_id", [row["id"] for row in rows])
    known = reading.facts.tools
    pairs = {(row["agent_id"], known[row["tool_id"]]) for row in found if row["tool_id"] in known}
    for row in found:
        if row["tool_id"] not in known:
            name = reading.facts.missing_tools.get(row["tool_id"], row["tool_id"])
            reading.notes.add(
                f"Agents that lost the tool {name}, which is not available on this server", row["agent_id"]
            )
    return [{"agent_id": agent_id, "tool_id": tool_id} for agent_id, tool_id in sorted(pairs)]


def _held_folders(reading: Reading, ids: list[str]) -> list[JsonObject]:
    found = reading.related("sources_agents", ("agent_id", "source_id"), "agent_id", ids)
    return [{"agent_id": row["agent_id"], "folder_id": row["source_id"]} for row in found]


def _held_archives(reading: Reading, ids: list[str]) -> list[JsonObject]:
    found = reading.related("archives_agents", ("agent_id", "archive_id", "is_owner"), "agent_id", ids)
    return [row | {"is_owner": bool(row["is_owner"])} for row in found]


def _secrets(reading: Reading, rows: list[JsonObject]) -> list[JsonObject]:
    names = {row["id"]: row["name"] for row in rows}
    found = reading.related("agent_environment_variables", _SECRET, "agent_id", list(names), order="key")
    return list(_opened(reading, names, found))


def _opened(reading: Reading, names: dict[str, str], found: Iterable[JsonObject]) -> Iterable[JsonObject]:
    for row in found:
        place = f"{row['key']} of agent {names[row['agent_id']]}"
        value = reading.secret(place, row["value_enc"], row["value"])
        same = {name: row[name] for name in ("agent_id", "key", "description")}
        yield owned(row) | same | {"value": value or ""}


_SECRET = ("id", "agent_id", "key", "value", "value_enc", "description", *AUDIT)

AGENTS = Section(
    "agents",
    Table(
        "agents",
        (
            *("id", "name", "agent_type", "system", "metadata_", "llm_config", "embedding_config"),
            *("compaction_settings", "response_format", "tool_rules", "timezone", "message_buffer_autoclear"),
            *(*_SAME, *AUDIT),
        ),
        large=("system", "metadata_"),
        rows=200,
    ),
    _agents,
    derived={
        "agents": ("last_run_completion", "last_run_duration_ms", "last_stop_reason"),
        "conversations": ("system_digest", "last_message_at", "updated_at", "last_updated_by_id"),
    },
)
