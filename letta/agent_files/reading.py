"""Reading an agent file: whatever is sent, it ends as a file that can be imported, or a sentence that says why not."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

from pydantic import ValidationError

from letta.agent_files.schemas import AgentFile, AgentInFile, MessageInFile
from letta.database.text import check_storable
from letta.errors import InvalidArgumentError

_MOST_LEVELS = 100
_SHOWN = 5


def read_agent_file(data: bytes) -> AgentFile:
    """The file, whole and consistent.

    Raises:
        InvalidArgumentError: it isn't JSON or no agent file, holds what can't be stored, or refers to what it lacks.
    """
    document = _parsed(data)
    if isinstance(document, str):  # an export that was written as a JSON text once more
        document = _parsed(document)
    if not isinstance(document, dict):
        raise InvalidArgumentError("The agent file is not a JSON object. Export the agent again and send that file.")
    if not isinstance(document.get("agents"), list):
        raise InvalidArgumentError(
            "Legacy AgentSchema format is deprecated: the agent file has no list of 'agents'. "
            "Export the agent again in the current format."
        )
    check_depth(document, "The agent file")
    check_storable(document, "The agent file")
    try:
        file = AgentFile.model_validate(document)
    except ValidationError as error:
        raise _invalid(error) from None
    _check_ids(file)
    return file


def problems(error: ValidationError, *place: str | int) -> str:
    """The first of the problems, each with the place where it is."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [f"{'.'.join(map(str, [*place, *problem['loc']]))}: {problem['msg']}" for problem in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN} more problems"] if len(found) > _SHOWN else []
    return "; ".join([*shown, *more])


def check_depth(document: Any, name: str) -> None:
    """Refuse JSON that is nested so deeply that some part of the server couldn't handle it.

    Raises:
        InvalidArgumentError: it is.
    """
    level = [document]
    for _ in range(_MOST_LEVELS):
        level = [inner for value in level for inner in _children(value)]
        if not level:
            return
    raise InvalidArgumentError(f"{name} is nested more than {_MOST_LEVELS} levels deep. Reduce the nesting.")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _parsed(data: bytes | str) -> Any:
    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        return json.loads(text, parse_constant=_refused, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidArgumentError(
            "Corrupted agent file format: the file is not valid JSON. Export the agent again and send that file."
        ) from None


def _refused(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a valid JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _invalid(error: ValidationError, *place: str | int) -> InvalidArgumentError:
    return InvalidArgumentError(f"The agent file is not valid: {problems(error, *place)}. Correct this entry.")


def _message_ids(agent: AgentInFile, number: int) -> list[str]:
    """Ids of the agent's messages, of which each is found valid. To keep them all as objects would take much memory."""
    ids = []
    for place, entry in enumerate(agent.messages or ()):
        try:
            ids.append(MessageInFile.model_validate(entry).id)
        except ValidationError as error:
            raise _invalid(error, "agents", number, "messages", place) from None
    return ids


def _check_ids(file: AgentFile) -> None:
    """Every reference has to lead to one thing in the file.

    Folders are an exception: files that the former server exported name folders and lack them.
    """
    sections = {
        "agents": file.agents,
        "blocks": file.blocks,
        "tools": file.tools,
        "sources": file.sources,
        "files": file.files,
    }
    for name, entries in sections.items():
        _check_unique((entry.id for entry in entries or ()), name)
    blocks, tools = ({entry.id for entry in entries or ()} for entries in (file.blocks, file.tools))
    missing: list[str] = []
    for number, agent in enumerate(file.agents):
        messages = _message_ids(agent, number)
        _check_unique(messages, f"the messages of {agent.id}")
        _check_unique(agent.in_context_message_ids or (), f"in_context_message_ids of {agent.id}")
        missing += _missing(agent, blocks, tools, set(messages))
    if missing:
        raise InvalidArgumentError(
            f"The agent file refers to entries that it does not contain: {_list(missing)}. Add them."
        )


def _missing(agent: AgentInFile, blocks: set[str], tools: set[str], messages: set[str]) -> Iterator[str]:
    references = ((agent.block_ids, blocks), (agent.tool_ids, tools), (agent.in_context_message_ids, messages))
    for ids, known in references:
        yield from (f"{wanted} (of {agent.id})" for wanted in ids or () if wanted not in known)


def _check_unique(ids: Iterable[str], name: str) -> None:
    twice = [entry for entry, count in Counter(ids).items() if count > 1]
    if twice:
        raise InvalidArgumentError(
            f"The agent file uses the same id twice in {name}: {_list(twice)}. Use each id only once."
        )


def _list(names: list[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
