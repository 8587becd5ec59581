"""The `memory` tool: blocks seen as files, edited by sub-commands."""

from letta.memory_tools.edits import memory_insert, memory_replace
from letta.memory_tools.errors import ToolError
from letta.memory_tools.memory import Memory

_ROOT = "/memories/"


def memory_command(
    memory: Memory,
    command: str,
    path: str | None = None,
    file_text: str | None = None,
    description: str | None = None,
    old_string: str | None = None,
    new_string: str | None = None,
    insert_line: int | None = None,
    insert_text: str | None = None,
    old_path: str | None = None,
    new_path: str | None = None,
) -> str:
    """Carry out one sub-command. Returns the block's new value, or what was done to the block itself."""
    match command:
        case "create":
            label = _label(path, "path")
            memory.create(label, file_text or "", _required(description, "description", command))
            return f"Created memory block '{label}'."
        case "str_replace":
            label = _label(path, "path")
            return memory_replace(memory, label, _required(old_string, "old_string", command), new_string or "")
        case "insert":
            label = _label(path, "path")
            line = -1 if insert_line is None else insert_line
            return memory_insert(memory, label, _required(insert_text, "insert_text", command), line)
        case "delete":
            label = _label(path, "path")
            memory.detach(label)
            return f"Deleted memory block '{label}'."
        case "rename":
            return _rename(memory, path, description, old_path, new_path)
    raise ToolError(f"Unknown command '{command}'. Commands: create, str_replace, insert, delete, rename.")


def _rename(
    memory: Memory, path: str | None, description: str | None, old_path: str | None, new_path: str | None
) -> str:
    if path is not None and description is not None:
        label = _label(path, "path")
        memory.describe(label, description)
        return f"Changed the description of memory block '{label}'."
    old, new = _label(old_path, "old_path"), _label(new_path, "new_path")
    memory.rename(old, new)
    return f"Renamed memory block '{old}' to '{new}'."


def _label(path: str | None, name: str) -> str:
    if not path or path == _ROOT:
        raise ToolError(f"{name} is missing. Give the block as '{_ROOT}<label>'.")
    return path.removeprefix(_ROOT).strip("/") if path.startswith(_ROOT) else path.strip("/")


def _required(value: str | None, name: str, command: str) -> str:
    if value is None:
        raise ToolError(f"Command '{command}' needs {name}.")
    return value
