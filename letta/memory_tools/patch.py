"""The `memory_apply_patch` tool: several changes in the form of a patch.

Two notations are read: unified-diff hunks for the block given by its label, and blocks of ``*** Add Block: <label>``,
``*** Update Block:``, ``*** Delete Block:`` (with ``*** Move to:`` and ``Description:``), as coding models write them.
"""

from dataclasses import dataclass, field

from letta.memory_tools.errors import ToolError
from letta.memory_tools.memory import Memory

_ADD, _UPDATE, _DELETE = "*** Add Block:", "*** Update Block:", "*** Delete Block:"
_MOVE, _DESCRIPTION = "*** Move to:", "Description:"
_FRAME = ("*** Begin Patch", "*** End Patch")


@dataclass(slots=True)
class _Section:
    action: str
    label: str
    lines: list[str] = field(default_factory=list)


def memory_apply_patch(memory: Memory, label: str, patch: str) -> str:
    """Apply a patch. Returns the block's new value, or what was done to several blocks.

    Nothing is changed when any part of the patch doesn't fit.
    """
    lines = [line for line in patch.split("\n") if line.strip() not in _FRAME]
    sections = _sections(lines)
    if not sections:
        return memory.write(label, _apply_hunks(memory.read(label), lines, label))
    return "\n".join(_apply_section(memory, section) for section in sections)


def _sections(lines: list[str]) -> list[_Section]:
    sections: list[_Section] = []
    for line in lines:
        action = next((action for action in (_ADD, _UPDATE, _DELETE) if line.startswith(action)), None)
        if action:
            sections.append(_Section(action, line.removeprefix(action).strip()))
        elif sections:
            sections[-1].lines.append(line)
    return sections


def _apply_section(memory: Memory, section: _Section) -> str:
    if section.action == _DELETE:
        memory.detach(section.label)
        return f"Deleted memory block '{section.label}'."
    description = _pop(section.lines, _DESCRIPTION)
    if section.action == _ADD:
        text = "\n".join(line.removeprefix("+") for line in _without_trailing_blank(section.lines))
        memory.create(section.label, text, description)
        return f"Created memory block '{section.label}'."
    target = _pop(section.lines, _MOVE)
    if any(line[:1] in {"+", "-", "@"} for line in section.lines):
        memory.write(section.label, _apply_hunks(memory.read(section.label), section.lines, section.label))
    if description is not None:
        memory.describe(section.label, description)
    if target:
        memory.rename(section.label, target)
        return f"Patched memory block '{section.label}' and renamed it to '{target}'."
    return f"Patched memory block '{section.label}'."


def _pop(lines: list[str], prefix: str) -> str | None:
    for number, line in enumerate(lines):
        if line.startswith(prefix):
            del lines[number]
            return line.removeprefix(prefix).strip()
    return None


def _apply_hunks(value: str, lines: list[str], label: str) -> str:
    hunks = _hunks(lines)
    if not hunks:
        raise ToolError("The patch contains no change. Start lines to remove with '-' and lines to add with '+'.")
    current, start = value.split("\n"), 0
    for old, new in hunks:
        position = _find(current, old, start)
        if position is None:
            shown = "\n".join(old)
            raise ToolError(f"These lines of the patch were not found in block '{label}':\n{shown}")
        current[position : position + len(old)] = new
        start = position + len(new)
    return "\n".join(current)


def _hunks(lines: list[str]) -> list[tuple[list[str], list[str]]]:
    hunks: list[tuple[list[str], list[str]]] = []
    old: list[str] = []
    new: list[str] = []
    for line in [*_without_header(_without_trailing_blank(lines)), "@@"]:
        if line.startswith("@@"):
            if old != new:
                hunks.append((old, new))
            old, new = [], []
        elif line.startswith("-"):
            old.append(line[1:])
        elif line.startswith("+"):
            new.append(line[1:])
        else:
            old.append(line.removeprefix(" "))
            new.append(line.removeprefix(" "))
    return hunks


def _without_header(lines: list[str]) -> list[str]:
    """Without the two lines that name files. A hunk may remove the line '--', but not begin like a header."""
    named = lines[:1] and lines[0].startswith("--- ") and lines[1:] and lines[1].startswith("+++ ")
    return lines[2:] if named else lines


def _find(current: list[str], wanted: list[str], start: int) -> int | None:
    if not wanted:
        return len(current)
    for position in range(start, len(current) - len(wanted) + 1):
        if current[position : position + len(wanted)] == wanted:
            return position
    return None


def _without_trailing_blank(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    return lines[:end]
