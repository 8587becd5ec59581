"""The checks as people and shells read them."""

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from letta.doctor.check import Check, Status

_WIDTH = 100


def exit_code(checks: Sequence[Check]) -> int:
    """1 if a check failed, else 0."""
    return int(any(check.status is Status.FAIL for check in checks))


def render(checks: Sequence[Check]) -> str:
    """A table of plain text, at most 100 columns wide."""
    return "\n".join([*_lines(checks), "", _summary(checks)])


def _lines(checks: Sequence[Check]) -> Iterator[str]:
    names = max((len(check.name) for check in checks), default=0)
    for check in checks:
        head = f"{check.status.value:<4}  {check.name:<{names}}  "
        blank = " " * len(head)
        yield from _wrapped(check.finding, head, blank)
        if check.remedy:
            yield from _wrapped(check.remedy, f"{blank}-> ", f"{blank}   ")


def _wrapped(text: str, first: str, others: str) -> Iterator[str]:
    """Lines that fit. An indented line is a command, which can be copied only as it stands."""
    for number, line in enumerate(text.splitlines() or [""]):
        if line.startswith(" "):
            yield f"{others}{line.strip()}"
            continue
        indent = others if number else first
        yield from textwrap.wrap(
            line, _WIDTH, initial_indent=indent, subsequent_indent=others, break_on_hyphens=False
        ) or [indent.rstrip()]


def _summary(checks: Sequence[Check]) -> str:
    count = Counter(check.status for check in checks)
    words = {Status.OK: "ok", Status.WARN: "with warnings", Status.FAIL: "failed", Status.SKIP: "skipped"}
    parts = [f"{count[status]} {word}" for status, word in words.items() if count[status]]
    return f"{len(checks)} checks: {', '.join(parts)}."
