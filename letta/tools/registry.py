"""All tools that come with the server; each room describes its own."""

from letta.memory_tools.registry import MEMORY_TOOLS
from letta.tools.builtin import BuiltinTool
from letta.web_tools.registry import WEB_TOOLS

BUILTIN_TOOLS: tuple[BuiltinTool, ...] = (*MEMORY_TOOLS, *WEB_TOOLS)
BY_NAME = {tool.name: tool for tool in BUILTIN_TOOLS}
