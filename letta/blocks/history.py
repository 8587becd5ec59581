"""Versions of a block, and what differs between two of them."""

from dataclasses import dataclass
from datetime import datetime
from difflib import unified_diff


@dataclass(frozen=True, slots=True)
class BlockVersion:
    """What a block was like from one edit to the next.

    Attributes:
        version: counts the block's edits from 1.
        author_type: ``agent`` where an agent wrote it in the course of a run, ``user`` where it came through the API.
        previous_value: the value that the edit replaced; None for a block's first version.
    """

    block_id: str
    version: int
    label: str
    value: str
    limit: int
    description: str | None
    author_type: str
    author_id: str | None
    run_id: str | None
    created_at: datetime
    previous_value: str | None

    @property
    def diff(self) -> str:
        """What the edit changed of the value."""
        return diff(self.previous_value or "", self.value)


def diff(older: str, newer: str) -> str:
    """What differs between two values, line by line: the unified format without its head, empty where nothing does."""
    lines = unified_diff(older.splitlines(), newer.splitlines(), lineterm="", n=2)
    return "\n".join(line for number, line in enumerate(lines) if number > 1)
