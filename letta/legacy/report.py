"""What an import did, or would do, for a person to read."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from letta.legacy import source_repository
from letta.legacy.notes import Notes
from letta.legacy.reading import Section
from letta.legacy.sections import SECTIONS, brought_over, known
from letta.legacy.source_repository import Counts
from letta.legacy.upstream import KNOWN_REVISIONS, LEFT_BEHIND, Shape

_KEPT = {"organizations", "conversations"}
"""Tables whose deleted rows are brought over, too."""

_TOLD = {"agents": "agents", "messages": "messages", "archival_passages": "passages"}


@dataclass(frozen=True, slots=True)
class Stock:
    """How many rows each table of the former server has."""

    shape: Shape
    counts: Mapping[str, Counts]

    def live(self, table: str) -> int:
        """Rows of a table that aren't marked as deleted."""
        return self.counts.get(table, Counts(0)).live

    def total(self, section: Section) -> int:
        """Rows that there are to read for a section."""
        counts = self.counts.get(section.table.name, Counts(0))
        return counts.rows if section.table.deleted else counts.live


def take_stock(connection: Connection, shape: Shape) -> Stock:
    """Count what there is."""
    source_repository.take_time(connection)
    there = sorted(known() & shape.columns.keys())
    return Stock(shape, {name: source_repository.count(connection, shape, name) for name in there})


def found(stock: Stock, place: str) -> str:
    """One sentence on what was found."""
    told = ", ".join(f"{stock.live(name):,} {told}" for name, told in _TOLD.items())
    version = KNOWN_REVISIONS.get(stock.shape.revision or "", "of an unknown version")
    return f"Found the former server's tables ({version}, {stock.shape.revision}) in {place}: {told}."


def left_behind(stock: Stock) -> Iterable[str]:
    """Tables with rows that stay where they are, and why."""
    for name, counts in stock.counts.items():
        if counts.rows and name not in brought_over() and name != "alembic_version":
            yield f"{name}, {counts.rows:,} rows: {LEFT_BEHIND[name]}"
    others = sorted(stock.shape.columns.keys() - known())
    if others:
        yield f"tables that belong to no known version of the former server: {', '.join(others)}"


def deleted(stock: Stock) -> Iterable[str]:
    """Rows that are marked as deleted."""
    for name, counts in stock.counts.items():
        if counts.deleted and name in brought_over() and name not in _KEPT:
            yield f"{name}: {counts.deleted:,} deleted rows"


def render(stock: Stock, read: Mapping[str, int], new: Mapping[str, int] | None, notes: Notes) -> list[str]:
    """The lines of the report. Without `new`, of what would be done."""
    lines = [f"{'':28}{'there':>12}{'read':>12}" + (f"{'new here':>12}" if new else "")]
    for section in SECTIONS:
        row = f"{section.name:28}{stock.total(section):>12,}{read.get(section.name, 0):>12,}"
        lines.append(row + (f"{new.get(section.name, 0):>12,}" if new else ""))
    for title, entries in (
        ("Not imported, and why:", [*left_behind(stock), *deleted(stock)]),
        ("To know:", list(notes)),
    ):
        if entries:
            lines += ["", title, *(f"- {entry}" for entry in entries)]
    return lines
