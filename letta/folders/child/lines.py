"""The lines by which agents see a file, and by which they name places in it.

Lines that are blank don't count. In prose, which often has a paragraph in one line, each sentence is a line.
"""

import re
from collections.abc import Iterator

_SENTENCE_END = re.compile(r"(?<=[.!?…。！？])[\"'”’)\]]*\s+|(?<=[。！？])")


def lines_of(text: str, *, prose: bool) -> Iterator[str]:
    """The lines of a text, in order."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end].rstrip()
        start = end + 1
        if not line.strip():
            continue
        if prose:
            yield from _sentences(line)
        else:
            yield line


def _sentences(line: str) -> Iterator[str]:
    start = 0
    for match in _SENTENCE_END.finditer(line):
        sentence = line[start : match.end()].strip()
        if sentence:
            yield sentence
        start = match.end()
    rest = line[start:].strip()
    if rest:
        yield rest
