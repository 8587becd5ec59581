"""The tools that come with the server: what the model is told of each."""

from dataclasses import dataclass
from typing import Any

JsonObject = dict[str, Any]

CORE = "letta_core"
MEMORY = "letta_memory_core"
SLEEPTIME = "letta_sleeptime_core"


@dataclass(frozen=True, slots=True)
class BuiltinTool:
    """A built-in tool. ``parameters`` is a JSON schema of type object."""

    name: str
    tool_type: str
    description: str
    parameters: JsonObject
    enable_parallel_execution: bool = False


def _text(description: str) -> JsonObject:
    return {"type": "string", "description": description}


def _integer(description: str) -> JsonObject:
    return {"type": "integer", "description": description}


def _parameters(required: list[str], **properties: JsonObject) -> JsonObject:
    return {"type": "object", "properties": properties, "required": required}


_LABEL = _text("Label of the memory block, as shown in its tag.")
_TAGS = {"type": "array", "items": {"type": "string"}}

BUILTIN_TOOLS: tuple[BuiltinTool, ...] = (
    BuiltinTool(
        "send_message",
        CORE,
        "Say something to the user. Only text sent with this tool is shown to them.",
        _parameters(["message"], message=_text("What to say, in plain words.")),
    ),
    BuiltinTool(
        "conversation_search",
        CORE,
        "Look through everything ever said in your conversations, including what no longer fits your context. "
        "Use it when the user refers to something that you don't see, before you say that you don't know.",
        _parameters(
            [],
            query=_text("Words to look for. Leave out to list what was said in a span of time."),
            roles={
                "type": "array",
                "items": {"type": "string", "enum": ["assistant", "user", "tool"]},
                "description": "Only messages of these speakers.",
            },
            limit=_integer("Most messages to return (5 unless given)."),
            start_date=_text("Earliest date, such as 2025-01-31 or 2025-01-31T14:30, in your time zone."),
            end_date=_text("Latest date, in the same form; a date alone includes that whole day."),
        ),
        enable_parallel_execution=True,
    ),
    BuiltinTool(
        "archival_memory_insert",
        CORE,
        "Store a fact in archival memory, which is unlimited and searched rather than read. Write it so that it can be "
        "understood on its own: name people, places and dates.",
        _parameters(
            ["content"], content=_text("The text to keep."), tags=_TAGS | {"description": "Tags to filter by later."}
        ),
    ),
    BuiltinTool(
        "archival_memory_search",
        CORE,
        "Search archival memory by meaning and by words. Ask as you would ask a person.",
        _parameters(
            ["query"],
            query=_text("What you want to know."),
            tags=_TAGS | {"description": "Only entries with these tags."},
            tag_match_mode={
                "type": "string",
                "enum": ["any", "all"],
                "description": "Whether one of the tags is enough (any) or all are needed.",
            },
            top_k=_integer("Most entries to return (5 unless given)."),
            start_datetime=_text("Earliest date of an entry, such as 2025-01-31 or 2025-01-31T14:30."),
            end_datetime=_text("Latest date of an entry."),
        ),
        enable_parallel_execution=True,
    ),
    BuiltinTool(
        "core_memory_append",
        MEMORY,
        "Add a line at the end of one of your memory blocks.",
        _parameters(["label", "content"], label=_LABEL, content=_text("The line to add.")),
    ),
    BuiltinTool(
        "core_memory_replace",
        MEMORY,
        "Replace a text in one of your memory blocks wherever it occurs. An empty new text deletes it.",
        _parameters(
            ["label", "old_content", "new_content"],
            label=_LABEL,
            old_content=_text("The text to replace, exactly as it stands in the block."),
            new_content=_text("The text to put in its place."),
        ),
    ),
    BuiltinTool(
        "memory_insert",
        SLEEPTIME,
        "Insert text into one of your memory blocks, after a line that you name or at the end.",
        _parameters(
            ["label", "new_string"],
            label=_LABEL,
            new_string=_text("The text to insert, without line numbers."),
            insert_line=_integer("Number of the line after which the text goes: 0 for the start, -1 for the end."),
        ),
    ),
    BuiltinTool(
        "memory_replace",
        SLEEPTIME,
        "Replace a text in one of your memory blocks. The old text must occur exactly once; give enough of what "
        "surrounds it.",
        _parameters(
            ["label", "old_string", "new_string"],
            label=_LABEL,
            old_string=_text("The text to replace, exactly as it stands in the block, without line numbers."),
            new_string=_text("The text to put in its place; empty to delete."),
        ),
    ),
    BuiltinTool(
        "memory_rethink",
        SLEEPTIME,
        "Write one of your memory blocks anew, as a whole. For large reorganisations; for small changes use "
        "memory_replace or memory_insert. Everything worth keeping has to be in the new text.",
        _parameters(["label", "new_memory"], label=_LABEL, new_memory=_text("The whole new text of the block.")),
    ),
    BuiltinTool(
        "memory_finish_edits",
        SLEEPTIME,
        "Say that you are done with editing memory. Call it once, at the end.",
        _parameters([]),
    ),
    BuiltinTool(
        "memory_apply_patch",
        SLEEPTIME,
        "Make several changes to memory at once, written as a patch: lines to remove start with '-', lines to add with "
        "'+', unchanged lines with a space. Several blocks can be changed with '*** Add Block: <label>' (followed by "
        "'Description: …' and '+' lines), '*** Update Block: <label>', '*** Delete Block: <label>' and "
        "'*** Move to: <label>'.",
        _parameters(["label", "patch"], label=_LABEL, patch=_text("The patch.")),
    ),
    BuiltinTool(
        "memory",
        SLEEPTIME,
        "Manage your memory blocks as if they were files under /memories/: create, str_replace, insert, delete and "
        "rename.",
        _parameters(
            ["command"],
            command={
                "type": "string",
                "enum": ["create", "str_replace", "insert", "delete", "rename"],
                "description": "What to do.",
            },
            path=_text("The block, as /memories/<label>."),
            file_text=_text("create: text of the new block."),
            description=_text("create: what the block is for. rename: the new description of the block at path."),
            old_string=_text("str_replace: text to replace; it must occur exactly once."),
            new_string=_text("str_replace: text to put in its place."),
            insert_line=_integer("insert: number of the line after which the text goes; 0 for the start."),
            insert_text=_text("insert: the text to insert."),
            old_path=_text("rename: the block to rename."),
            new_path=_text("rename: its new path."),
        ),
    ),
)

BY_NAME = {tool.name: tool for tool in BUILTIN_TOOLS}
