"""The tools for files: what the model is told of each."""

from letta.tools.builtin import BuiltinTool, integer, parameters, text

_FILES = "letta_files_core"

FILE_TOOLS: tuple[BuiltinTool, ...] = (
    BuiltinTool(
        "open_files",
        _FILES,
        "Open files of your folders, so that you see them in your context until you close them. Only so many can be "
        "open at once; where it would be more, those you used longest ago are closed. Open the part you need of a "
        "large file: lines are counted from 0.",
        parameters(
            ["file_requests"],
            file_requests={
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "file_name": text("Name of the file as it is listed: folder/file."),
                        "offset": integer("Number of lines to skip; 0, the beginning, unless given."),
                        "length": integer("Number of lines to show; all that follow unless given."),
                    },
                    "required": ["file_name"],
                },
                "description": "The files to open, and which lines of them.",
            },
            close_all_others={
                "type": "boolean",
                "description": "Whether to close all other files first; false unless given.",
            },
        ),
    ),
    BuiltinTool(
        "grep_files",
        _FILES,
        "Find lines in all files of your folders, open or not, by a regular expression in any case. Use it when you "
        "know words of what you look for. Results come in pages.",
        parameters(
            ["pattern"],
            pattern=text("Regular expression that a line has to match somewhere."),
            include=text("Only files whose names fit this, such as *.py or folder/*."),
            context_lines=integer("Lines to show before and after each match (1 unless given)."),
            offset=integer("Number of matches to skip: where the page before ended."),
        ),
        enable_parallel_execution=True,
    ),
    BuiltinTool(
        "semantic_search_files",
        _FILES,
        "Find passages in all files of your folders, open or not, by meaning and by words. Ask as you would ask a "
        "person.",
        parameters(
            ["query"],
            query=text("What you want to know."),
            limit=integer("Most passages to return (5 unless given, at most 50)."),
        ),
        enable_parallel_execution=True,
    ),
)
FILE_TOOL_NAMES = tuple(tool.name for tool in FILE_TOOLS)
