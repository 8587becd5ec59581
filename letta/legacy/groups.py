"""Groups of agents, and up to where those that look after the memory of others have read."""

from letta.groups.tables import groups, groups_agents, groups_blocks
from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, grouped, owned, parsed_texts

_SAME = (
    *("manager_type", "manager_agent_id", "termination_token", "max_turns", "sleeptime_agent_frequency"),
    *("turns_counter", "last_processed_message_id", "hidden", "project_id"),
)


def _groups(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    held = reading.related("groups_agents", ("group_id", "agent_id"), "group_id", ids)
    members = {group_id: {row["agent_id"] for row in found} for group_id, found in grouped(held, "group_id").items()}
    last = {row["last_processed_message_id"] for row in rows if row["last_processed_message_id"]}
    numbers = {row["id"]: row["sequence_id"] for row in reading.related("messages", ("id", "sequence_id"), "id", last)}
    blocks = reading.related("groups_blocks", ("group_id", "block_id"), "group_id", ids)
    return [
        (groups, [_group(row) for row in rows]),
        (groups_agents, [m for row in rows for m in _members(row, members.get(row["id"], set()), numbers)]),
        (groups_blocks, blocks),
    ]


def _group(row: JsonObject) -> JsonObject:
    return owned(row) | {name: row[name] for name in _SAME} | {"description": row["description"] or ""}


def _members(row: JsonObject, members: set[str], numbers: dict[str, int]) -> list[JsonObject]:
    """In the order of the group's own list; those that only a table names come last."""
    listed = [agent_id for agent_id in parsed_texts(row["agent_ids"]) if agent_id in members]
    ordered = [*listed, *sorted(members - set(listed))]
    read = numbers.get(row["last_processed_message_id"] or "")
    return [
        {"group_id": row["id"], "agent_id": agent_id, "position": place, "processed_sequence_id": read}
        for place, agent_id in enumerate(ordered)
    ]


GROUPS = Section(
    "groups",
    Table("groups", ("id", "description", "agent_ids", *_SAME, *AUDIT)),
    _groups,
    derived={
        "groups": ("turns_counter", "last_processed_message_id", "updated_at"),
        "groups_agents": ("processed_sequence_id",),
    },
)
