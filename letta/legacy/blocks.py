"""Blocks of memory with their tags, and what is known of their history."""

from letta.blocks.tables import block_history, blocks, blocks_tags
from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section
from letta.legacy.source_repository import Table
from letta.legacy.values import AUDIT, grouped, owned, parsed_object, timed

_VERSIONED = ("label", "value", "limit", "description")


def _blocks(reading: Reading, rows: list[JsonObject]) -> Rows:
    ids = [row["id"] for row in rows]
    histories = grouped(
        reading.related("block_history", _HISTORY, "block_id", ids, order="sequence_number"), "block_id"
    )
    tags = reading.related("blocks_tags", ("block_id", "tag", "organization_id"), "block_id", ids)
    versions = {row["id"]: _versions(row, histories.get(row["id"], [])) for row in rows}
    return [
        (blocks, [_block(row, len(versions[row["id"]])) for row in rows]),
        (blocks_tags, tags),
        (block_history, [version for entries in versions.values() for version in entries]),
    ]


def _block(row: JsonObject, version: int) -> JsonObject:
    same = ("project_id", "entity_id", "base_template_id", "template_id", "deployment_id", "template_name", "hidden")
    return (
        owned(row)
        | {name: row[name] for name in (*_VERSIONED, *same)}
        | {
            "metadata": parsed_object(row["metadata_"]),
            "read_only": bool(row["read_only"]),
            "is_template": bool(row["is_template"]),
            "preserve_on_migration": bool(row["preserve_on_migration"]),
            "version": version,
        }
    )


def _versions(row: JsonObject, history: list[JsonObject]) -> list[JsonObject]:
    """The block's versions, counted from 1; the last one is what it is now.

    The former server kept a value only where somebody asked it to. An edit that was undone there is a version as well.
    """
    entries = [*history]
    if not history or any(history[-1][name] != row[name] for name in _VERSIONED):
        made = {"created_at": row["updated_at"], "actor_type": None, "actor_id": row["_last_updated_by_id"]}
        entries.append(row | made)
    return [_version(row, entry, number) for number, entry in enumerate(entries, 1)]


def _version(block: JsonObject, entry: JsonObject, number: int) -> JsonObject:
    return {name: entry[name] for name in _VERSIONED} | {
        "block_id": block["id"],
        "version": number,
        "organization_id": block["organization_id"],
        "author_type": "agent" if "AGENT" in (entry["actor_type"] or "").upper() else "user",
        "author_id": entry["actor_id"],
        "run_id": None,
        "created_at": timed(entry["created_at"], block["created_at"])["created_at"],
    }


_HISTORY = ("block_id", "sequence_number", *_VERSIONED, "actor_type", "actor_id", "created_at")

BLOCKS = Section(
    "blocks",
    Table(
        "block",
        (
            *("id", *_VERSIONED, "metadata_", "is_template", "template_name", "read_only", "hidden"),
            *("preserve_on_migration", "project_id", "entity_id", "base_template_id", "template_id", "deployment_id"),
            *AUDIT,
        ),
        large=("value", "metadata_"),
    ),
    _blocks,
)
