"""Finding lines by a regular expression, in one file after the other."""

import re
from collections.abc import Iterable

from letta.folders.child.lines import lines_of
from letta.json_types import JsonObject

_MOST_LINE_CHARACTERS = 500
"""Of a long line, as much as is shown."""


def search(
    files: Iterable[tuple[str, str, bool]], pattern: str, *, context: int, wanted: range, most: int
) -> JsonObject:
    """The matches in files, each a label, a text, and whether that is prose.

    Args:
        context: lines that are shown before and after a match.
        wanted: which matches are shown, counted from 0; the others are counted.
        most: where counting ends.
    """
    matcher = re.compile(pattern, re.IGNORECASE)
    counts: dict[str, int] = {}
    shown: list[JsonObject] = []
    total = 0
    for label, text, prose in files:
        lines = list(lines_of(text, prose=prose))
        for number, line in enumerate(lines):
            if matcher.search(line) is None:
                continue
            if total >= most:
                return {"total": total, "counts": counts, "shown": shown, "cut": True}
            if total in wanted:
                shown.append({"label": label, "line": number, "lines": _around(lines, number, context)})
            counts[label] = counts.get(label, 0) + 1
            total += 1
    return {"total": total, "counts": counts, "shown": shown, "cut": False}


def _around(lines: list[str], number: int, context: int) -> list[tuple[int, str]]:
    first = max(0, number - context)
    last = min(len(lines), number + context + 1)
    return [(place, lines[place][:_MOST_LINE_CHARACTERS]) for place in range(first, last)]
