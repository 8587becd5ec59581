"""Rows that refer to what isn't brought over, as it was deleted there or never was: nothing here could hold them."""

from typing import Any

import sqlalchemy

from letta.json_types import JsonObject
from letta.legacy.reading import Reading, Rows, Section

_PARENTS = {
    "agent_id": ("agents", "agents"),
    "manager_agent_id": ("agents", "agents"),
    "block_id": ("blocks", "block"),
    "conversation_id": ("conversations", None),
    "folder_id": ("folders", "sources"),
    "file_id": ("files", "files"),
    "archive_id": ("archives", "archives"),
    "identity_id": ("identities", "identities"),
    "group_id": ("groups", "groups"),
}
"""By column: the table of ours that it refers to, and the former server's table of the same ids, if there is one."""


def without_orphans(reading: Reading, section: Section, rows: Rows) -> Rows:
    """The rows of a page without those that refer to nothing. What may be empty is emptied instead."""
    kept: dict[str, set[str]] = {}
    whole = []
    for table, page in rows:
        made = page
        for column in table.columns:
            if column.name in _PARENTS and column.name not in section.own_ids and made and column.name in made[0]:
                made = _attached(reading, table, column, made, kept)
        if "id" in table.c:
            kept[table.name] = {row["id"] for row in made}
        whole.append((table, made))
    return whole


def _attached(
    reading: Reading,
    table: sqlalchemy.Table,
    column: "sqlalchemy.Column[Any]",
    rows: list[JsonObject],
    kept: dict[str, set[str]],
) -> list[JsonObject]:
    there = _there(reading, column.name, rows, kept)
    if there is None:
        return rows
    attached = []
    for row in rows:
        parent = row[column.name]
        if parent is None or parent in there:
            attached.append(row)
            continue
        fate = "kept without" if column.nullable else "left out"
        parents = _PARENTS[column.name][0]
        reading.notes.add(f"Rows of {table.name} that refer to missing {parents}: {fate}", parent)
        if column.nullable:
            attached.append(row | {column.name: None})
    return attached


def _there(reading: Reading, column: str, rows: list[JsonObject], kept: dict[str, set[str]]) -> set[str] | None:
    """Those of the ids in a column that are there; None where that isn't to be looked up."""
    ours, theirs = _PARENTS[column]
    if ours in kept:
        return kept[ours]
    if theirs is None:
        return None
    wanted = {row[column] for row in rows if row[column] is not None}
    return {row["id"] for row in reading.related(theirs, ("id",), "id", wanted)}
