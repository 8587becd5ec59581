"""The figures of a benchmark, beside the budgets that the project has set itself."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Row:
    """One thing that is measured. The budget is for our server; relative ones refer to the other server."""

    key: str
    what: str
    budget: str = ""


TURN_ROWS: Sequence[Row] = (
    Row("idle_mb", "memory when idle, MB", "<= 100"),
    Row("after_mb", "memory after {turns} turns, MB", "<= 140 after 1,000"),
    Row("start_cpu_s", "CPU from start to healthy, s", "<= 2.5"),
    Row("start_s", "time from start to healthy, s"),
    Row("migrate_cpu_s", "CPU from start to healthy, new schema, s"),
    Row("round_trips", "Postgres round trips per turn", "<= 12"),
    Row("statements", "own statements per turn", "<= 8"),
    Row("connections", "new connections in {counted} turns", "0"),
    Row("slow_p50_ms", "turn p50, database 30 ms away, ms", "<= 380"),
    Row("overhead_p50_ms", "turn overhead p50, ms", "<= 1/20 of the other's (15)"),
    Row("overhead_p95_ms", "turn overhead p95, ms"),
    Row("turns_per_s", "turns/s, 10 agents at once", ">= 25 x the other's (90)"),
    Row("turn_cpu_ms", "server CPU per turn, ms", "<= 10"),
    Row("first_event_ms", "first streamed event p50, ms", "<= 20"),
    Row("model_ms", "the scripted model's own time, ms"),
)

Figures = Mapping[str, float]


def table(rows: Sequence[Row], servers: Mapping[str, Figures], facts: Mapping[str, object]) -> str:
    """The figures of one or more servers as text, one row for each thing measured."""
    lines = [("", "budget", *servers)]
    for row in rows:
        values = [_shown(figures.get(row.key)) for figures in servers.values()]
        if any(values):
            lines.append((row.what.format(**facts), row.budget, *values))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(_line(line, widths) for line in lines)


def table_with_ratios(rows: Sequence[Row], ours: Figures, other: Figures, facts: Mapping[str, object]) -> str:
    """The figures of two servers as a table of Markdown, and how many times as much the greater one is."""
    lines = ["| | budget | ours | former | |", "|---|---|---:|---:|---:|"]
    for row in rows:
        values = [ours.get(row.key), other.get(row.key)]
        if any(value is not None for value in values):
            shown = ["failed" if value is None else _shown(value) for value in values]
            cells = [row.what.format(**facts), row.budget, *shown, _ratio(*values)]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _ratio(one: float | None, other: float | None) -> str:
    """Empty where one of them isn't known, or is nothing at all."""
    if not one or not other:
        return ""
    low, high = sorted((one, other))
    return f"{high / low:.0f} x" if high >= 10 * low else f"{high / low:.1f} x"


def write_json(path: Path, servers: Mapping[str, Figures], facts: Mapping[str, object]) -> None:
    """The same for programs, with the date and the machine."""
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.platform()}
    content = {"taken": datetime.now(UTC).isoformat(), "machine": machine, "facts": facts, "servers": servers}
    path.write_text(json.dumps(content, indent=2) + "\n")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    texts = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    numbers = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join([*texts, *numbers]).rstrip()


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.2f}".rstrip("0").rstrip(".")
