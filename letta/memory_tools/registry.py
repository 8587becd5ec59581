"""The tools that an agent remembers with: what the model is told of each."""

from letta.tools.builtin import BuiltinTool, integer, parameters, text

CORE = "letta_core"
MEMORY = "letta_memory_core"
SLEEPTIME = "letta_sleeptime_core"

_LABEL = text("Label of the memory block, as shown in its tag.")
_TAGS = {"type": "array", "items": {"type": "string"}}

MEMORY_TOOLS: tuple[BuiltinTool, ...] = (
    BuiltinTool(
        "send_message",
        CORE,
        "Say something to the user. Only text sent with this tool is shown to them.",
        parameters(["message"], message=text("What to say, in plain words.")),
    ),
    BuiltinTool(
        "conversation_search",
        CORE,
        "Look through everything ever said in your conversations, including what no longer fits your context. "
        "Use it when the user refers to something that you don't see, before you say that you don't know.",
        parameters(
            [],
            query=text("Words to look for. Leave out to list what was said in a span of time."),
            roles={
                "type": "array",
                "items": {"type": "string", "enum": ["assistant", "user", "tool"]},
                "description": "Only messages of these speakers.",
            },
            limit=integer("Most messages to return (5 unless given)."),
            start_date=text("Earliest date, such as 2025-01-31 or 2025-01-31T14:30, in your time zone."),
            end_date=text("Latest date, in the same form; a date alone includes that whole day."),
        ),
        enable_parallel_execution=True,
    ),
    BuiltinTool(
        "archival_memory_insert",
        CORE,
        "Store a fact in archival memory, which is unlimited and searched rather than read. Write it so that it can be "
        "understood on its own: name people, places and dates.",
        parameters(
            ["content"], content=text("The text to keep."), tags=_TAGS | {"description": "Tags to filter by later."}
        ),
    ),
    BuiltinTool(
        "archival_memory_search",
        CORE,
        "Search archival memory by meaning and by words. Ask as you would ask a person.",
        parameters(
            ["query"],
            query=text("What you want to know."),
            tags=_TAGS | {"description": "Only entries with these tags."},
            tag_match_mode={
                "type": "string",
                "enum": ["any", "all"],
                "description": "Whether one of the tags is enough (any) or all are needed.",
            },
            top_k=integer("Most entries to return (5 unless given)."),
            start_datetime=text("Earliest date of an entry, such as 2025-01-31 or 2025-01-31T14:30."),
            end_datetime=text("Latest date of an entry."),
        ),
        enable_parallel_execution=True,
    ),
    BuiltinTool(
        "core_memory_append",
        MEMORY,
        "Add a line at the end of one of your memory blocks.",
        parameters(["label", "content"], label=_LABEL, content=text("The line to add.")),
    ),
    BuiltinTool(
        "core_memory_replace",
        MEMORY,
        "Replace a text in one of your memory blocks wherever it occurs. An empty new text deletes it.",
        parameters(
            ["label", "old_content", "new_content"],
            label=_LABEL,
            old_content=text("The text to replace, exactly as it stands in the block."),
            new_content=text("The text to put in its place."),
        ),
    ),
    BuiltinTool(
        "memory_insert",
        SLEEPTIME,
        "Insert text into one of your memory blocks, after a line that you name or at the end.",
        parameters(
            ["label", "new_string"],
            label=_LABEL,
            new_string=text("The text to insert, without line numbers."),
            insert_line=integer("Number of the line after which the text goes: 0 for the start, -1 for the end."),
        ),
    ),
    BuiltinTool(
        "memory_replace",
        SLEEPTIME,
        "Replace a text in one of your memory blocks. The old text must occur exactly once; give enough of what "
        "surrounds it.",
        parameters(
            ["label", "old_string", "new_string"],
            label=_LABEL,
            old_string=text("The text to replace, exactly as it stands in the block, without line numbers."),
            new_string=text("The text to put in its place; empty to delete."),
        ),
    ),
    BuiltinTool(
        "memory_rethink",
        SLEEPTIME,
        "Write one of your memory blocks anew, as a whole. For large reorganisations; for small changes use "
        "memory_replace or memory_insert. Everything worth keeping has to be in the new text.",
        parameters(["label", "new_memory"], label=_LABEL, new_memory=text("The whole new text of the block.")),
    ),
    BuiltinTool(
        "memory_finish_edits",
        SLEEPTIME,
        "Say that you are done with editing memory. Call it once, at the end.",
        parameters([]),
    ),
    BuiltinTool(
        "memory_apply_patch",
        MEMORY,
        "Make several changes to memory at once, written as a patch: lines to remove start with '-', lines to add with "
        "'+', unchanged lines with a space. Several blocks can be changed with '*** Add Block: <label>' (followed by "
        "'Description: …' and '+' lines), '*** Update Block: <label>', '*** Delete Block: <label>' and "
        "'*** Move to: <label>'.",
        parameters(["label", "patch"], label=_LABEL, patch=text("The patch.")),
    ),
    BuiltinTool(
        "memory",
        MEMORY,
        "Manage your memory blocks as if they were files under /memories/: create, str_replace, insert, delete and "
        "rename.",
        parameters(
            ["command"],
            command={
                "type": "string",
                "enum": ["create", "str_replace", "insert", "delete", "rename"],
                "description": "What to do.",
            },
            path=text("The block, as /memories/<label>."),
            file_text=text("create: text of the new block."),
            description=text("create: what the block is for. rename: the new description of the block at path."),
            old_string=text("str_replace: text to replace; it must occur exactly once."),
            new_string=text("str_replace: text to put in its place."),
            insert_line=integer("insert: number of the line after which the text goes; 0 for the start."),
            insert_text=text("insert: the text to insert."),
            old_path=text("rename: the block to rename."),
            new_path=text("rename: its new path."),
        ),
    ),
)
