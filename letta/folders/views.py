"""What an agent sees of an open file: numbered lines, as many as it may see at once."""

from collections.abc import Iterable
from itertools import islice

from letta.folders.child.lines import lines_of


def view_of(
    text: str, *, prose: bool, limit: int, line_count: int, start: int | None = None, end: int | None = None
) -> str:
    """A file's lines under a heading that says which they are, in at most so many characters.

    Args:
        text: the file's text; its beginning is enough where the view begins there.
        prose: whether its lines are sentences.
        limit: most characters.
        line_count: of the whole file.
        start: the first line, counted from 0; without it, the view is of the file's start.
        end: the line behind the last one.
    """
    if start is None:
        heading = f"[Viewing file start (out of {line_count} lines)]"
    else:
        heading = f"[Viewing lines {start + 1} to {end} (out of {line_count} lines)]"
    lines = islice(lines_of(text, prose=prose), start or 0, end)
    return _joined([heading], lines, (start or 0) + 1, limit)


def bounded(view: str, limit: int) -> str:
    """A view in at most so many characters, with a note where something is missing."""
    if len(view) <= limit:
        return view
    note = f"…\n[The view ends here, at the limit of {limit} characters. Open the file with an offset to see more.]"
    return view[: limit - len(note)] + note if len(note) < limit else view[:limit]


def _joined(shown: list[str], lines: Iterable[str], number: int, limit: int) -> str:
    length = len(shown[0])
    for line in lines:
        shown.append(f"{number}: {line}")
        length += len(shown[-1]) + 1
        number += 1
        if length > limit:
            break
    return bounded("\n".join(shown), limit)
