"""What happens when tools are made and changed: their schema follows their source."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from letta.constants import DEFAULT_USER_ID
from letta.database.ids import new_id
from letta.database.text import check_storable
from letta.errors import ConflictError, InvalidArgumentError
from letta.json_types import JsonObject
from letta.organizations.actor import Actor
from letta.sandbox.errors import SchemaError
from letta.sandbox.schema import derive_schema, describe_with, function_name
from letta.tools import repository
from letta.tools.builtin import BuiltinTool
from letta.tools.registry import BUILTIN_TOOLS
from letta.tools.schemas import CreateTool, ToolRunFromSource, UpdateTool
from letta.tools.tool import CUSTOM, Tool

MAX_NAME_CHARACTERS = 48
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_DESCRIBING = ("source_code", "json_schema", "args_json_schema")
_PYTHON_ONLY = "This server only runs tools written in Python. Write the tool in Python."
_NULLABLE = {"description", "args_json_schema", "pip_requirements", "npm_requirements", "default_requires_approval"}


def upsert_tool(connection: Connection, actor: Actor, body: CreateTool) -> Tool:
    """Create a tool, or bring the one of the same name to the state that the request describes.

    What the request leaves out stays as it is on an existing tool.

    Raises:
        InvalidArgumentError: the source can't be described, or doesn't fit the schema given with it.
        ConflictError: the name is that of a built-in tool.
    """
    _check_language(body)
    schema = describe(body.source_code, body.source_type, body.json_schema, body.args_json_schema)
    given = _given(body) | {"json_schema": schema, "name": schema["name"], "source_type": body.source_type}
    tool = _applied(Tool(id=new_id("tool"), name=schema["name"], tool_type=CUSTOM, json_schema=schema), given)
    existing = repository.lock_tool_by_name(connection, actor, tool.name)
    if existing is None:
        created = repository.insert_tool(connection, actor, tool)
        if created is not None:
            return created
        existing = repository.lock_tool_by_name(connection, actor, tool.name)
    if existing is None or existing.tool_type != CUSTOM:
        raise ConflictError(
            f"'{tool.name}' is the name of a tool that is not a custom tool. Give the function another name."
        )
    described = given | {"args_json_schema": body.args_json_schema}
    return repository.write_tool(connection, actor, _applied(existing, described))


def update_tool(connection: Connection, actor: Actor, tool_id: str, body: UpdateTool) -> Tool:
    """Change a tool. A changed source or argument schema gives it a new schema, and a new function name renames it.

    Raises:
        NotFoundError: no such tool.
        InvalidArgumentError: the source can't be described, or doesn't fit the schema given with it.
        ConflictError: another tool has the new name.
    """
    tool = repository.lock_tool(connection, actor, tool_id)
    if tool.source_type != "typescript":  # such as a file may have brought along
        _check_language(body)
    changes = _given(body)
    if "metadata_" in changes:
        changes["metadata"] = changes.pop("metadata_")
    if tool.tool_type == CUSTOM:
        changes |= _described_anew(tool, changes)
    elif any(changes.get(name) not in (None, getattr(tool, name)) for name in _DESCRIBING):
        raise InvalidArgumentError(
            f"'{tool.name}' is not a custom tool, so its source and schema can't be changed. Create a tool with "
            "another name."
        )
    return repository.write_tool(connection, actor, _applied(tool, changes))


def describe(
    source: str, source_type: str, json_schema: JsonObject | None, args_json_schema: JsonObject | None
) -> JsonObject:
    """The schema of a tool: the one given, else one made from the arguments given, else one derived from the source.

    Raises:
        InvalidArgumentError: there is no way to tell, or the name isn't one that models accept.
    """
    if source_type == "typescript" and json_schema is None:
        raise InvalidArgumentError(f"The schema of a TypeScript tool can't be derived. {_PYTHON_ONLY}")
    if json_schema is not None:
        schema = checked_schema(json_schema)
        if source_type != "typescript":
            _check_same_name(schema["name"], function_name(source))
    else:
        schema = describe_with(source, args_json_schema) if args_json_schema else derive_schema(source)
    check_name(schema["name"])
    check_storable(schema, "json_schema")  # an escape in the source may stand for NUL
    return schema


def passing_tool(body: ToolRunFromSource) -> Tool:
    """A tool that is run once and not stored. A source that can't be described is run with the arguments as they are.

    Raises:
        InvalidArgumentError: the source is no Python, or a schema given with it is none.
    """
    from letta.sandbox.needs import needs_of

    source_type = body.source_type or "python"
    needs = needs_of(body.source_code, body.name) if source_type != "typescript" else None
    name = needs.function if needs else body.name or "tool"
    schema: JsonObject = {"name": name, "description": "", "parameters": {}}
    if body.json_schema is not None:
        schema = checked_schema({"name": name} | body.json_schema)
    elif needs and needs.function == function_name(body.source_code):
        with suppress(SchemaError):
            arguments = body.args_json_schema
            schema = describe_with(body.source_code, arguments) if arguments else derive_schema(body.source_code)
    requirements = [requirement.model_dump() for requirement in body.pip_requirements or ()]
    return Tool("", name, CUSTOM, schema, None, source_type, body.source_code, pip_requirements=requirements)


def ensure_builtin_tools(connection: Connection, actor: Actor) -> None:
    """Bring the organization's rows of the built-in tools up to date. Nothing is written when they are."""
    names = [builtin.name for builtin in BUILTIN_TOOLS]
    stored = {tool.name: tool for tool in repository.find_by_names(connection, actor, names)}
    outdated = [builtin for builtin in BUILTIN_TOOLS if not _is_current(stored.get(builtin.name), builtin)]
    if outdated:
        repository.write_builtin_tools(connection, actor, [_seed(builtin) for builtin in outdated])


def ensure_builtin_tools_everywhere(connection: Connection) -> None:
    """The same in every organization. One query tells those where something is to be done."""
    wanted = [(builtin.name, builtin.tool_type, _builtin_schema(builtin)) for builtin in BUILTIN_TOOLS]
    for organization_id in repository.organizations_without(connection, wanted, besides=CUSTOM):
        ensure_builtin_tools(connection, Actor(DEFAULT_USER_ID, organization_id))


def add_base_tools(connection: Connection, actor: Actor) -> list[Tool]:
    """Make sure that the built-in tools are there, and return them."""
    ensure_builtin_tools(connection, actor)
    return repository.find_by_names(connection, actor, [builtin.name for builtin in BUILTIN_TOOLS])


def _check_language(body: CreateTool | UpdateTool) -> None:
    """Refuse what could be stored but never run."""
    if body.source_type == "typescript":
        raise InvalidArgumentError(f"source_type is 'typescript'. {_PYTHON_ONLY}")
    if body.npm_requirements:
        names = ", ".join(package.name for package in body.npm_requirements)[:200]
        raise InvalidArgumentError(
            f"npm_requirements names {names}. {_PYTHON_ONLY} Python packages go into pip_requirements."
        )


def _described_anew(tool: Tool, changes: Mapping[str, Any]) -> JsonObject:
    """What follows from a change of source or schemas."""
    source, schema, arguments = (changes.get(name) for name in _DESCRIBING)
    source_type = changes.get("source_type") or tool.source_type or "python"
    new_source = source is not None and source != tool.source_code
    dropped = arguments is None and "args_json_schema" in changes and tool.args_json_schema is not None
    derives = (new_source or dropped) and source_type != "typescript"
    if schema is None and arguments is None and not derives:
        return {}
    described = describe(source or tool.source_code or "", source_type, schema, arguments)
    return {"json_schema": described, "name": described["name"], "args_json_schema": arguments}


def _given(body: CreateTool | UpdateTool) -> JsonObject:
    given = body.given()
    return {name: value for name, value in given.items() if value is not None or name in _NULLABLE}


def _applied(tool: Tool, changes: Mapping[str, Any]) -> Tool:
    """The tool with changes. A description that nobody chose is that of the schema."""
    changed = replace(tool, **changes)
    chosen = "description" in changes or tool.description != tool.json_schema.get("description")
    if changed.description is None or not chosen:
        changed = replace(changed, description=changed.json_schema["description"])
    return changed


def checked_schema(schema: JsonObject) -> JsonObject:
    """A schema that a client gave, completed.

    Raises:
        InvalidArgumentError: it is none.
    """
    name, description = schema.get("name"), schema.get("description", "")
    if not isinstance(name, str) or not isinstance(description, str):
        raise InvalidArgumentError("json_schema needs a 'name', and a 'description' that is text. Add them.")
    parameters = schema.get("parameters") or {}
    if not isinstance(parameters, dict) or parameters.get("type", "object") != "object":
        raise InvalidArgumentError("json_schema.parameters must be a JSON schema of type 'object'. Correct it.")
    if not isinstance(parameters.get("properties", {}), dict):
        raise InvalidArgumentError("json_schema.parameters.properties must be an object. Correct it.")
    complete = {"type": "object", "properties": {}, "required": []} | parameters
    return schema | {"name": name, "description": description, "parameters": complete}


def _check_same_name(name: str, function: str) -> None:
    if name != function:
        raise InvalidArgumentError(
            f"json_schema.name is '{name}', but the function in source_code is '{function}'. Use one name for both."
        )


def check_name(name: str) -> None:
    """Refuse a name that no tool can have.

    Raises:
        InvalidArgumentError: models don't accept it.
    """
    if len(name) > MAX_NAME_CHARACTERS or not _NAME.fullmatch(name):
        raise InvalidArgumentError(
            f"'{name[:100]}' is not a valid tool name: models accept at most {MAX_NAME_CHARACTERS} characters, which "
            "must be letters from a to z, digits, '_' or '-'. Rename the function."
        )


def _seed(builtin: BuiltinTool) -> Tool:
    return Tool(
        id=new_id("tool"),
        name=builtin.name,
        tool_type=builtin.tool_type,
        json_schema=_builtin_schema(builtin),
        description=builtin.description,
        source_type="python",
        tags=[builtin.tool_type],
        enable_parallel_execution=builtin.enable_parallel_execution,
    )


def _builtin_schema(builtin: BuiltinTool) -> JsonObject:
    return {"name": builtin.name, "description": builtin.description, "parameters": builtin.parameters}


def _is_current(stored: Tool | None, builtin: BuiltinTool) -> bool:
    if stored is None:
        return False
    if stored.tool_type == CUSTOM:
        return True
    return stored.tool_type == builtin.tool_type and stored.json_schema == _builtin_schema(builtin)
