"""All tools that come with the server; each room describes its own."""

from letta.agent_tools.registry import AGENT_TOOLS
from letta.file_tools.registry import FILE_TOOLS
from letta.memory_tools.registry import MEMORY_TOOLS
from letta.tools.builtin import BuiltinTool, parameters, text
from letta.web_tools.registry import WEB_TOOLS

RUN_CODE = BuiltinTool(
    "run_code",
    "letta_builtin",
    "Run a program and see what it prints and what its last line comes to. Each call begins anew: nothing of an "
    "earlier one is there.",
    parameters(
        ["code", "language"],
        code=text("The program."),
        language={
            "type": "string",
            "enum": ["python", "js", "ts", "r", "java"],
            "description": "What it is written in; python unless you were told that another one works here.",
        },
    ),
)

BUILTIN_TOOLS: tuple[BuiltinTool, ...] = (*MEMORY_TOOLS, *AGENT_TOOLS, *FILE_TOOLS, *WEB_TOOLS, RUN_CODE)
BY_NAME = {tool.name: tool for tool in BUILTIN_TOOLS}
