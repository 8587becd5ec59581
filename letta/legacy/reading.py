"""What a section is: a table of the former server, and how its rows become rows of ours."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy
from sqlalchemy import Connection

from letta.json_types import JsonObject
from letta.legacy import source_repository
from letta.legacy.notes import Notes
from letta.legacy.secrets import LegacySecrets, SecretLockedError
from letta.legacy.source_repository import Table
from letta.legacy.upstream import Shape

Rows = list[tuple[sqlalchemy.Table, list[JsonObject]]]
"""Rows of ours by table; those come first that others refer to."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What conversions need to know beside the rows.

    Attributes:
        tools: ids of our tools by those of the former server; tools that aren't offered here are missing.
        missing_tools: the names of those, by id.
        providers: names of the providers of models that agents can be asked of here.
        leave_locked: whether secrets that can't be opened are left out, instead of ending the import.
    """

    shape: Shape
    secrets: LegacySecrets
    tools: Mapping[str, str] = field(default_factory=dict)
    missing_tools: Mapping[str, str] = field(default_factory=dict)
    providers: Collection[str] = ()
    leave_locked: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """Reads what belongs to a page of rows, and takes notes of what can't be brought over as it is."""

    connection: Connection
    facts: Facts
    notes: Notes

    def related(
        self,
        table: str,
        columns: Sequence[str],
        column: str,
        ids: Collection[str],
        *,
        order: str | None = None,
        deleted: bool = False,
    ) -> list[JsonObject]:
        """The rows of another table that refer to some of these ids."""
        return source_repository.related(
            self.connection, self.facts.shape, table, columns, column, ids, order=order, deleted=deleted
        )

    def secret(self, place: str, sealed: str | None, plain: str | None = None) -> str | None:
        """A secret; None where it can't be opened and may be left out.

        Raises:
            SecretLockedError: it can't be opened.
        """
        try:
            return self.facts.secrets.open(sealed, plain)
        except SecretLockedError:
            if not self.facts.leave_locked:
                raise
            self.notes.add("Secrets that could not be decrypted were left out; enter them again", place)
            return None


Convert = Callable[[Reading, list[JsonObject]], Rows]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the import.

    Attributes:
        name: what it is called in reports.
        table: what is read, page by page.
        convert: makes our rows of a page.
        own_ids: columns that refer to what the former server has no row for.
        derived: columns of ours that the server itself goes on changing, by table: differences in them mean nothing.
    """

    name: str
    table: Table
    convert: Convert
    own_ids: Collection[str] = ()
    derived: Mapping[str, Collection[str]] = field(default_factory=dict)
