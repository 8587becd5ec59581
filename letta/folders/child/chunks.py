"""Cutting a text into passages: whole lines where that is possible, the end of one repeated in the next."""

import re
from collections.abc import Iterator

_HEADING = re.compile(r"\s*(#{1,6}\s|(async )?def |class |func |fn |function |public |private |\f)")
"""What a new passage likes to begin with."""
_GAPS = (re.compile(r"[.!?。！？]+[\"'”’)\]]*\s+|[。！？]"), re.compile(r"\s+"))
"""Where a line that is too long is broken: behind a sentence, else behind a word."""

Span = tuple[int, int]


def chunks_of(text: str, size: int, overlap: int) -> list[Span]:
    """Where the passages of a text begin and end. Each has at most ``size`` characters, and none is blank.

    Together they hold every character that isn't white space. The last whole pieces of a passage, of at most
    ``overlap`` characters, are the first of the next one.
    """
    chunks: list[Span] = []
    pending: list[Span] = []
    for piece in _pieces(text, size):
        full = bool(pending) and piece[1] - pending[0][0] > size
        if full or _is_good_break(text, pending, piece, size):
            chunks.append((pending[0][0], pending[-1][1]))
            pending = _repeated(pending, piece, size, overlap) if full else []
        pending.append(piece)
    if pending:
        chunks.append((pending[0][0], pending[-1][1]))
    return [trimmed for chunk in chunks if (trimmed := _trimmed(text, chunk)) is not None]


def _is_good_break(text: str, pending: list[Span], piece: Span, size: int) -> bool:
    """Whether a heading comes when the passage is large enough already."""
    if not pending or piece[0] - pending[0][0] < size // 2:
        return False
    return text[piece[0] - 1] in "\n\f" and _HEADING.match(text, *piece) is not None


def _repeated(pending: list[Span], piece: Span, size: int, overlap: int) -> list[Span]:
    """The last pieces of a passage that begin the next one, which has to have room for the piece that follows."""
    kept: list[Span] = []
    for span in reversed(pending[1:]):
        if pending[-1][1] - span[0] > overlap or piece[1] - span[0] > size:
            break
        kept.insert(0, span)
    return kept


def _pieces(text: str, size: int) -> Iterator[Span]:
    """The lines of a text with what ends them, broken where they are longer than a passage."""
    start = 0
    while start < len(text):
        newline = text.find("\n", start)
        end = len(text) if newline < 0 else newline + 1
        while end - start > size:
            middle = _gap(text, start, start + size)
            yield start, middle
            start = middle
        yield start, end
        start = end


def _gap(text: str, start: int, limit: int) -> int:
    """The last place, in the second half, where a line may be broken."""
    middle = start + (limit - start) // 2
    for gaps in _GAPS:
        last = None
        for last in gaps.finditer(text, middle, limit):  # noqa: B007 - the last one is wanted
            pass
        if last is not None and last.end() > start:
            return last.end()
    return limit


def _trimmed(text: str, chunk: Span) -> Span | None:
    start, end = chunk
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return None if start == end else (start, end)
