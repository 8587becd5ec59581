"""The tools that edit one block at a time. Each returns the text of its tool return."""

import re

from letta.memory_tools.errors import ToolError
from letta.memory_tools.memory import Memory

_LINE_NUMBER = re.compile(r"^\s*\d+→ ?", re.MULTILINE)


def memory_insert(memory: Memory, label: str, new_string: str, insert_line: int = -1) -> str:
    """Insert text after ``insert_line`` lines; -1 means at the end."""
    _refuse_line_numbers(new_string)
    lines = memory.read(label).expandtabs().split("\n")
    if insert_line == -1:
        insert_line = len(lines)
    if not 0 <= insert_line <= len(lines):
        raise ToolError(
            f"insert_line {insert_line} is out of range: block '{label}' has {len(lines)} lines. "
            f"Give a number from 0 to {len(lines)}, or -1 for the end."
        )
    inserted = new_string.expandtabs().split("\n")
    return memory.write(label, "\n".join([*lines[:insert_line], *inserted, *lines[insert_line:]]))


def memory_replace(memory: Memory, label: str, old_string: str, new_string: str) -> str:
    """Replace text that occurs exactly once."""
    _refuse_line_numbers(old_string)
    _refuse_line_numbers(new_string)
    value, old = memory.read(label).expandtabs(), old_string.expandtabs()
    count = value.count(old) if old else 0
    if count == 0:
        raise ToolError(f"old_string was not found in block '{label}'. Copy it exactly as it appears there.")
    if count > 1:
        numbers = [number for number, line in enumerate(value.split("\n"), 1) if old.split("\n")[0] in line]
        raise ToolError(
            f"old_string occurs {count} times in block '{label}' (lines {numbers}). Include more of the surrounding "
            "text."
        )
    return memory.write(label, value.replace(old, new_string.expandtabs()))


def memory_rethink(memory: Memory, label: str, new_memory: str) -> str:
    """Overwrite a whole block; a block that isn't there yet is made."""
    _refuse_line_numbers(new_memory)
    if label not in memory.labels:
        memory.create(label, new_memory, None)
        return new_memory
    return memory.write(label, new_memory)


def memory_finish_edits(memory: Memory) -> str:  # noqa: ARG001 - every tool is called alike
    """Say that no more edits follow."""
    return "None"


def core_memory_append(memory: Memory, label: str, content: str) -> str:
    """Append a line."""
    return memory.write(label, f"{memory.read(label)}\n{content}")


def core_memory_replace(memory: Memory, label: str, old_content: str, new_content: str) -> str:
    """Replace every occurrence of a text."""
    value = memory.read(label)
    if not old_content or old_content not in value:
        raise ToolError(f"old_content was not found in block '{label}'. Copy it exactly as it appears there.")
    return memory.write(label, value.replace(old_content, new_content))


def _refuse_line_numbers(text: str) -> None:
    if _LINE_NUMBER.search(text):
        raise ToolError("The text contains line numbers ('12→ '). They are only shown to you: leave them out.")
