"""Draws what `benchmarks.compare` has measured, for the README. Needs matplotlib, which nothing else here does.

uv run --no-project --with matplotlib python benchmarks/plot.py compare.json comparison.svg
"""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["svg.hashsalt"] = "comparison"

from matplotlib import pyplot  # noqa: E402 - the back end has to be chosen before

_SHOWN = {
    "idle_mb": "memory when idle, MB",
    "after_mb": "memory after turns, MB",
    "start_cpu_s": "CPU to start, s",
    "statements": "SQL statements of a turn",
    "round_trips": "round trips to Postgres of a turn",
    "overhead_p50_ms": "overhead of a turn, ms",
    "turn_cpu_ms": "server CPU of a turn, ms",
    "first_event_ms": "first streamed event, ms",
    "slow_p50_ms": "turn, database 30 ms away, ms",
}
_OURS, _FORMER = "#2563eb", "#9ca3af"


def main() -> None:
    source, target = map(Path, sys.argv[1:])
    servers = json.loads(source.read_text())["servers"]
    ours, former = servers["ours"], servers["former"]
    shown = [key for key in reversed(_SHOWN) if ours.get(key) and former.get(key)]
    figure, axes = pyplot.subplots(figsize=(8, 0.55 * len(shown) + 1))
    for row, key in enumerate(shown):
        for values, color, shift in ((former, _FORMER, -0.2), (ours, _OURS, 0.2)):
            axes.barh(row + shift, values[key], height=0.38, color=color)
            axes.text(values[key] * 1.06, row + shift, _shown(values[key]), va="center", fontsize=8)
    axes.set_xscale("log")
    axes.set_yticks(range(len(shown)), [_SHOWN[key] for key in shown])
    axes.spines[["top", "right"]].set_visible(False)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=color) for color in (_OURS, _FORMER)]
    names = ["this server", "the former one (0.16.8)"]
    axes.legend(handles, names, loc="lower center", bbox_to_anchor=(0.5, -0.12), ncols=2, frameon=False, fontsize=8)
    axes.set_title("Less is better; each step of the grid is ten times as much", fontsize=9)
    axes.set_xlim(right=2.5 * max(former[key] for key in shown))
    axes.tick_params(axis="x", which="both", bottom=False, labelbottom=False)
    axes.grid(axis="x", alpha=0.3)
    axes.set_axisbelow(True)
    figure.tight_layout()
    figure.savefig(target, metadata={"Date": None})


def _shown(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
