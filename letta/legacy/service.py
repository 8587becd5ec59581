"""The import: section by section, page by page, each page in one transaction together with the note how far it is.

Whatever ends it, the next one goes on behind the last page. Where two processes do it at once, they take turns.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy
from sqlalchemy import Connection

from letta.database.engine import CommitUnknownError, Database
from letta.errors import ConfigurationError
from letta.json_types import JsonObject
from letta.legacy import source_repository, target_repository
from letta.legacy.notes import Notes
from letta.legacy.orphans import without_orphans
from letta.legacy.people import ORGANIZATIONS
from letta.legacy.reading import Facts, Reading, Rows, Section
from letta.legacy.sections import SECTIONS
from letta.legacy.source import Source
from letta.legacy.state import State
from letta.legacy.tools import is_builtin
from letta.tools.registry import BY_NAME
from letta.tools.service import ensure_builtin_tools_everywhere

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 0.5
_DAMAGED = (ValueError, TypeError, LookupError, AttributeError, RecursionError)

Show = Callable[[str, int], None]
"""Told of each page: the section, and how many of its rows are done."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of the former server, as ours."""

    rows: Rows
    read: int
    last: str | int | None
    notes: Notes


def read_page(source: Source, facts: Facts, section: Section, after: str | int | None) -> Page:
    """The next page of a section."""
    return source.database.read_sync(_read, facts, section, after)


def _read(connection: Connection, facts: Facts, section: Section, after: str | int | None) -> Page:
    notes = Notes()
    found = source_repository.page(connection, facts.shape, section.table, after)
    rows = _converted(connection, facts, section, found, notes) if found else []
    return Page(rows, len(found), found[-1]["key_"] if found else None, notes)


def _converted(connection: Connection, facts: Facts, section: Section, found: list[JsonObject], notes: Notes) -> Rows:
    """Our rows. A row that is damaged in a way that nobody thought of is left out and told, and no other one."""
    reading = Reading(connection, facts, Notes())
    try:
        rows = without_orphans(reading, section, section.convert(reading, found))
    except _DAMAGED as error:
        if len(found) == 1:
            logger.warning("a row of %s is damaged: %s", section.table.name, found[0]["key_"], exc_info=True)
            kind = type(error).__name__
            notes.add(f"Damaged rows of {section.table.name} ({kind}) that were left out", str(found[0]["key_"]))
            return []
        middle = len(found) // 2
        parts = (found[:middle], found[middle:])
        return [each for part in parts for each in _converted(connection, facts, section, part, notes)]
    notes.merge(reading.notes)
    return rows


class Importer:
    """Brings over what isn't there yet."""

    def __init__(self, database: Database, source: Source, facts: Facts, show: Show) -> None:
        self._database = database
        self._source = source
        self._facts = facts
        self._show = show

    def run(self) -> State:
        """Bring all over. An import that was broken off is gone on with; a finished one begins anew.

        Raises:
            ConfigurationError: something can't be brought over, and it says what to do.
        """
        state = self._database.run_sync(_begin, self._source.place)
        while state.finished_at is None:
            section = next((each for each in SECTIONS if each.name not in state.done), None)
            state = self._finish(state) if section is None else self._section(section, state)
        return state

    def _section(self, section: Section, state: State) -> State:
        self._enter(section)
        while state.finished_at is None and section.name not in state.done:
            after = state.after if state.section == section.name else None
            page = read_page(self._source, self._facts, section, after)
            state = self._store(section, state, page)
            self._show(section.name, state.read.get(section.name, 0))
        return state

    def _enter(self, section: Section) -> None:
        """What has to be there, or known, before a section. All of it may be done again."""
        match section.name:
            case "tools":
                self._database.run_sync(ensure_builtin_tools_everywhere)
                self._database.run_sync(_make_room_for_tools, self._tools())
            case "agents":
                self._facts = self._with_tools(self._database.run_sync(target_repository.tool_ids))
            case "messages":
                last = self._source.database.read_sync(source_repository.last_sequence_id, self._facts.shape)
                self._database.run_sync(target_repository.number_messages_after, last)

    def _tools(self) -> list[JsonObject]:
        return self._source.database.read_sync(all_tools, self._facts)

    def _with_tools(self, known: dict[tuple[str, str], str]) -> Facts:
        return with_tools(self._facts, self._tools(), known)

    def _store(self, section: Section, state: State, page: Page) -> State:
        while True:
            try:
                found = self._database.run_sync(_store, section, state, page)
            except CommitUnknownError:
                continue  # what is there is found there
            if found is not None:
                return found
            time.sleep(_PAUSE_SECONDS)

    def _finish(self, state: State) -> State:
        self._database.run_sync(target_repository.note_missing_vectors)
        ended = State.from_json(state.to_json() | {"finished_at": _now()})
        self._database.run_sync(target_repository.save_state, ended.to_json())
        return ended


def all_tools(connection: Connection, facts: Facts) -> list[JsonObject]:
    """All tools of the former server: whose they are, their names and types."""
    columns = ("id", "organization_id", "name", "tool_type")
    return source_repository.everything(connection, facts.shape, "tools", columns)


def with_tools(facts: Facts, found: list[JsonObject], known: dict[tuple[str, str], str]) -> Facts:
    """The facts with the ids of our tools by those of the former server.

    Args:
        known: ids of our tools by organization and name. Built-in ones that will be there keep their ids.
    """
    ids = {}
    for tool in found:
        ours = known.get((tool["organization_id"], tool["name"]))
        if ours is None and (not is_builtin(tool["tool_type"]) or tool["name"] in BY_NAME):
            ours = tool["id"]
        if ours is not None:
            ids[tool["id"]] = ours
    missing = {tool["id"]: tool["name"] for tool in found if tool["id"] not in ids}
    return replace(facts, tools=ids, missing_tools=missing)


def _make_room_for_tools(connection: Connection, found: list[JsonObject]) -> None:
    builtin = [(tool["organization_id"], tool["name"], tool["id"]) for tool in found if is_builtin(tool["tool_type"])]
    others = [(tool["organization_id"], tool["name"]) for tool in found if not is_builtin(tool["tool_type"])]
    target_repository.adopt_builtin_tools(connection, builtin)
    target_repository.give_way(connection, others)


def _begin(connection: Connection, place: str) -> State:
    fresh = State(source=place, started_at=_now())
    target_repository.begin(connection, fresh.to_json())
    found = target_repository.state(connection)
    state = State.from_json(found) if found else fresh
    if state.finished_at is None and state.source == place:
        return state
    target_repository.save_state(connection, fresh.to_json())
    return fresh


def _store(connection: Connection, section: Section, expected: State, page: Page) -> State | None:
    """Store a page. Returns how far the import is now, or None while another process is busy with it."""
    found = target_repository.locked_state(connection)
    if found is None:
        return None
    state = State.from_json(found)
    if (state.done, state.section, state.after) != (expected.done, expected.section, expected.after):
        return state
    if page.last is None:
        following = state.after_section(section.name)
    else:
        new = sum(_insert(connection, section, table, rows) for table, rows in page.rows)
        notes = Notes.from_json(state.notes)
        notes.merge(page.notes)
        following = state.after_page(section.name, page.last, page.read, new, notes.to_json())
    target_repository.save_state(connection, following.to_json())
    return following


def _insert(connection: Connection, section: Section, table: sqlalchemy.Table, rows: list[JsonObject]) -> int:
    if section is ORGANIZATIONS:
        target_repository.name_default_organization(connection, rows)
    new = target_repository.insert_new(connection, table, rows)
    if new < len(rows) and target_repository.has_other_keys(table):
        _refuse_doubles(table, target_repository.not_there(connection, table, rows))
    return new


_NAMES = ("name", "server_name", "identifier_key", "file_name", "key", "type")


def _refuse_doubles(table: sqlalchemy.Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    named = [str(next((row[name] for name in _NAMES if row.get(name)), row["id"])) for row in rows]
    raise ConfigurationError(
        f"In {table.name}, names that must be unique are already in use on this server: {', '.join(named[:5])}. Rename "
        "or delete these entries, then run the import again: it resumes where it stopped."
    )


def _now() -> str:
    return datetime.now(UTC).isoformat()
