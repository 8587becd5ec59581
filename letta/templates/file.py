"""The agent files that templates hold: without messages, and with variables put in."""

import json
import re
from collections.abc import Mapping
from typing import Any

from letta.agent_files.reading import read_agent_file
from letta.agent_files.schemas import AgentFile
from letta.json_types import JsonObject

_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


def checked(file: JsonObject) -> str:
    """A file as a template holds it: found right, and without the messages of its agents.

    Raises:
        InvalidArgumentError: it isn't an agent file.
    """
    read_agent_file(json.dumps(file).encode())
    silent: JsonObject = {"messages": [], "in_context_message_ids": [], "files_agents": []}
    return json.dumps(file | {"agents": [agent | silent for agent in file["agents"]]}, ensure_ascii=False)


def name_in(file: str) -> str:
    """The name of the file's first agent."""
    return str(json.loads(file)["agents"][0].get("name") or "template")


def filled(file: str, variables: Mapping[str, str]) -> AgentFile:
    """The file with these values where blocks and system prompts have ``{{ name }}``. Unknown names stay.

    Raises:
        InvalidArgumentError: what comes of it can't be imported.
    """
    document = json.loads(file)
    for block in document.get("blocks") or ():
        block["value"] = _put_in(block.get("value"), variables)
    for agent in document["agents"]:
        agent["system"] = _put_in(agent.get("system"), variables)
        for block in agent.get("memory_blocks") or ():
            block["value"] = _put_in(block.get("value"), variables)
    return read_agent_file(json.dumps(document).encode())


def _put_in(text: Any, variables: Mapping[str, str]) -> Any:
    if not isinstance(text, str):
        return text
    return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), text)
