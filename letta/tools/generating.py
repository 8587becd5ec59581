"""Having a model write the source of a tool."""

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from letta.agents.model_config import llm_config_from
from letta.errors import InvalidArgumentError, LettaError
from letta.json_types import JsonObject
from letta.llm.catalog import Catalog
from letta.llm.chat import ChatRequest, ChatResult, chat
from letta.llm.errors import LlmEmptyResponseError
from letta.messages.message import Message, text_content
from letta.organizations.actor import Actor
from letta.schema import Schema
from letta.settings import settings
from letta.tools.schemas import ToolResponse
from letta.tools.service import check_name, describe

_MOST_CHARACTERS = 100_000
_ATTEMPTS = 2
_ANSWER = "write_tool"
_FENCED = re.compile(r"```(?:python)?\n(.*?)```", re.DOTALL)

_TASK = """You write tools for AI agents: functions in Python that a model calls.

Write one function, named as you are told; others may stand before it and help it. It has
- a type for each parameter and for the result: str, int, float, bool, list, dict, or optional ones
- a docstring in Google's style: what it does, in words that let a model decide when to call it, and below `Args:` a
  line for each parameter
- imports inside the function, and as few of them as possible
- secrets, such as keys, from os.environ; never in the source
- a return value that is text or can be JSON, short enough to be read by a model; errors are raised

Answer by calling `write_tool`."""

_WRITE_TOOL: JsonObject = {
    "name": _ANSWER,
    "description": "Hand over the finished tool.",
    "parameters": {
        "type": "object",
        "properties": {
            "source_code": {"type": "string", "description": "The whole source."},
            "sample_args": {"type": "string", "description": "Arguments to try it with, as a JSON object."},
            "explanation": {"type": "string", "description": "What it does and needs, in a sentence or two."},
        },
        "required": ["source_code", "sample_args", "explanation"],
    },
}


class GenerateToolRequest(Schema):
    """What a tool is to do."""

    tool_name: str = Field(min_length=1, max_length=255)
    prompt: str = Field(max_length=_MOST_CHARACTERS, description="What the tool should do.")
    handle: str | None = Field(None, description="Handle of the model that writes it; the server's default model.")
    starter_code: str | None = Field(None, max_length=_MOST_CHARACTERS, description="Source code to start from.")
    validation_errors: list[str] = Field(max_length=100, description="What is wrong with that source.")


class GeneratedTool(Schema):
    """A tool that was written, and isn't stored."""

    tool: ToolResponse
    sample_args: dict[str, Any]
    response: str = Field(description="What the model said about the tool.")


async def generate_tool(catalog: Catalog, actor: Actor, body: GenerateToolRequest) -> GeneratedTool:
    """Have a model write a tool. Where the first source is none that can be a tool, it may correct it once.

    Raises:
        InvalidArgumentError: no model is named, the name can't be a tool's, or no source came that could be one.
        NotFoundError: there is no such model.
        LlmError: the provider failed.
    """
    check_name(body.tool_name)
    handle = body.handle or settings.default_llm_handle
    if not handle:
        raise InvalidArgumentError(
            "handle: name the model that should write the tool, or set LETTA_DEFAULT_LLM_HANDLE."
        )
    config = llm_config_from(await catalog.resolve_llm(handle), agent_type="letta_v1_agent")
    errors = list(body.validation_errors)
    source, problem = body.starter_code, ""
    for _ in range(_ATTEMPTS):
        written = await _ask(catalog, actor, config, _said(body, source, errors))
        try:
            return _tool(body, written)
        except LettaError as error:
            source, problem = written["source_code"], error.detail
            errors = [problem]
    raise InvalidArgumentError(
        f"The model did not write a usable tool: {problem} Give more details in 'prompt', or try again."
    )


async def _ask(catalog: Catalog, actor: Actor, config: JsonObject, messages: list[Message]) -> JsonObject:
    request = ChatRequest(config, messages, [_WRITE_TOOL], tool_choice="required", user=actor.user_id)
    async for item in chat(request, catalog.provider(config["provider_name"])):
        if isinstance(item, ChatResult):
            return _written(item)
    raise LlmEmptyResponseError("The provider ended its answer before it was complete. Try again.")


def _said(body: GenerateToolRequest, source: str | None, errors: Sequence[str]) -> list[Message]:
    parts = [f"Name of the function: {body.tool_name}", f"What it is to do:\n{body.prompt}"]
    if source:
        parts.append(f"Begin with this source:\n```python\n{source}\n```")
    if errors:
        parts.append("Put this right:\n" + "\n".join(f"- {error}" for error in errors))
    texts = (("system", _TASK), ("user", "\n\n".join(parts)))
    return [Message("system" if role == "system" else "user", "", "", content=text_content(t)) for role, t in texts]


def _written(result: ChatResult) -> JsonObject:
    """What the model handed over; where it wrote text instead, the source in it."""
    text = "".join(part["text"] for part in result.content if part["type"] == "text")
    found = next((_object(call["arguments"]) for call in result.tool_calls if call["name"] == _ANSWER), {})
    fenced = _FENCED.search(text)
    source = found.get("source_code") or (fenced[1] if fenced else text)
    arguments = found.get("sample_args")
    return {
        "source_code": str(source),
        "sample_args": arguments if isinstance(arguments, dict) else _object(arguments),
        "explanation": str(found.get("explanation") or text),
    }


def _object(text: object) -> JsonObject:
    try:
        value = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _tool(body: GenerateToolRequest, written: JsonObject) -> GeneratedTool:
    source = written["source_code"]
    schema = describe(source, "python", None, None)
    if schema["name"] != body.tool_name:
        raise InvalidArgumentError(f"The last function is named '{schema['name']}' instead of '{body.tool_name}'.")
    tool = ToolResponse(
        id="tool-00000000-0000-4000-8000-000000000000",
        name=body.tool_name,
        description=schema["description"],
        source_type="python",
        source_code=source,
        json_schema=schema,
    )
    return GeneratedTool(tool=tool, sample_args=written["sample_args"], response=written["explanation"])
