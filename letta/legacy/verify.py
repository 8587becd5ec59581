"""Comparing what the former server has with what is here: row by row, as it was, or would be, brought over."""

import hashlib
import json
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import sqlalchemy

from letta.database.engine import Database
from letta.database.vectors import Vector
from letta.json_types import JsonObject
from letta.legacy import target_repository
from letta.legacy.notes import Notes
from letta.legacy.reading import Facts, Section
from letta.legacy.sections import SECTIONS
from letta.legacy.service import Show, read_page
from letta.legacy.source import Source
from letta.messages.tables import messages

_SHOWN = 3
_TOLERANCE = 2**-10
"""By how much of its size a number of a vector may differ: vectors are kept in half precision."""


@dataclass(slots=True)
class Compared:
    """One table of ours, against what belongs into it.

    Attributes:
        expected: rows that belong into it.
        here: rows that it has altogether; more than expected where the server was used since.
        missing: rows that it lacks, as a number and some of them.
        changed: in how many rows a column differs, by column and reason.
    """

    name: str
    expected: int = 0
    same: int = 0
    here: int = 0
    missing: int = 0
    missing_examples: list[str] = field(default_factory=list)
    changed: Counter[str] = field(default_factory=Counter)
    there_digest: Any = field(default_factory=hashlib.sha256)
    here_digest: Any = field(default_factory=hashlib.sha256)

    @property
    def agrees(self) -> bool:
        """Whether all that belongs into it is there, as it was."""
        return self.same == self.expected

    def lines(self) -> Iterator[str]:
        """What differs, and why."""
        sums = f"{self.there_digest.hexdigest()[:12]}  {self.here_digest.hexdigest()[:12]}"
        verdict = "same" if self.agrees else "DIFFERS"
        yield f"{self.name:24}{self.expected:>10,}{self.same:>10,}{self.here:>10,}  {sums}  {verdict}"
        if self.missing:
            shown = ", ".join(self.missing_examples)
            yield f"    {self.missing:,} missing: not imported yet, or deleted since the import ({shown})"
        for reason, number in sorted(self.changed.items()):
            yield f"    {number:,} with {reason}"


class Verifier:
    """Compares section by section."""

    def __init__(self, database: Database, source: Source, facts: Facts, show: Show) -> None:
        self._database = database
        self._source = source
        self._facts = facts
        self._show = show
        self.notes = Notes()
        self.tables: dict[str, Compared] = {}

    def run(self, finished_at: str | None) -> bool:
        """Compare all. Returns whether everything agrees.

        Args:
            finished_at: when the import ended; what was changed later was changed here.
        """
        finished = datetime.fromisoformat(finished_at) if finished_at else None
        for section in SECTIONS:
            self._section(section, finished)
        for name, compared in self.tables.items():
            table = next(each for each in messages.metadata.sorted_tables if each.name == name)
            compared.here = self._database.read_sync(target_repository.count, table)
        return all(compared.agrees for compared in self.tables.values())

    def _section(self, section: Section, finished: datetime | None) -> None:
        after: str | int | None = None
        done = 0
        while (page := read_page(self._source, self._facts, section, after)).last is not None:
            self.notes.merge(page.notes)
            for table, rows in page.rows:
                self._compare(section, table, rows, finished)
            after, done = page.last, done + page.read
            self._show(section.name, done)

    def _compare(
        self, section: Section, table: sqlalchemy.Table, rows: list[JsonObject], finished: datetime | None
    ) -> None:
        found = self._database.read_sync(target_repository.stored, table, rows) if rows else {}
        compared = self.tables.setdefault(table.name, Compared(table.name))
        derived = section.derived.get(table.name, ())
        for row in rows:
            key = tuple(row[column.name] for column in table.primary_key)
            _compare_row(compared, table, row, found.get(key), derived, finished)


def _compare_row(
    compared: Compared,
    table: sqlalchemy.Table,
    row: JsonObject,
    stored: JsonObject | None,
    derived: Collection[str],
    finished: datetime | None,
) -> None:
    compared.expected += 1
    columns = [name for name in row if name not in derived and not _is_made_anew(table, row, name)]
    compared.there_digest.update(_written(table, row, columns))
    if stored is None:
        compared.missing += 1
        if len(compared.missing_examples) < _SHOWN:
            compared.missing_examples.append(" ".join(str(row[column.name]) for column in table.primary_key))
        return
    differing = [name for name in columns if not _same(table, name, row[name], stored[name])]
    agreed = row | {name: stored[name] for name in differing}
    compared.here_digest.update(_written(table, agreed, columns))
    if not differing:
        compared.same += 1
        return
    reason = _reason(stored, finished)
    told = [name for name in differing if name != "updated_at"] or differing
    compared.changed[f"a different {', '.join(told)}: {reason}"] += 1


def _is_made_anew(table: sqlalchemy.Table, row: JsonObject, column: str) -> bool:
    """System messages are compiled anew in an agent's first turn, and vectors where none, or nobody's, is there."""
    if table.name == "messages":
        return row["role"] == "system" and row["run_id"] is None and column in {"content", "updated_at"}
    if table.name == "passages" and column in {"embedding", "embedding_model"}:
        return row["embedding_model"] is None
    return False


def _reason(stored: Mapping[str, Any], finished: datetime | None) -> str:
    changed_at = stored.get("updated_at")
    if finished is None:
        return "the import is not finished"
    if isinstance(changed_at, datetime) and changed_at >= finished:
        return "changed on this server since the import"
    return "changed on either server since the import"


def _same(table: sqlalchemy.Table, column: str, there: Any, here: Any) -> bool:
    if isinstance(table.c[column].type, Vector):
        return _same_vector(_numbers(there), here)
    if isinstance(there, datetime):
        return isinstance(here, datetime) and there.astimezone(UTC) == here.astimezone(UTC)
    return bool(there == here)


def _numbers(literal: str | None) -> list[float] | None:
    return None if literal is None else [float(number) for number in literal[1:-1].split(",")]


def _same_vector(there: list[float] | None, here: list[float] | None) -> bool:
    if there is None or here is None:
        return there is here
    if len(there) != len(here):
        return False
    try:
        rounded = struct.unpack(f"{len(there)}e", struct.pack(f"{len(there)}e", *there))
    except (OverflowError, struct.error):
        rounded = tuple(there)
    if rounded == tuple(here):
        return True
    return all(abs(a - b) <= _TOLERANCE * max(abs(a), abs(b)) + 1e-7 for a, b in zip(there, here, strict=True))


def _written(table: sqlalchemy.Table, row: JsonObject, columns: list[str]) -> bytes:
    """A row as it goes into the checksum of its table."""
    values = [_plain(row[name]) for name in columns]
    return json.dumps([table.name, values], sort_keys=True, default=str).encode()


def _plain(value: Any) -> Any:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
