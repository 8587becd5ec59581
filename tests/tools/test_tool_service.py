"""What becomes of requests to create and change tools."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from letta.database.engine import Database
from letta.errors import ConflictError, InvalidArgumentError, NotFoundError
from letta.organizations.actor import Actor
from letta.tools import repository, service
from letta.tools.registry import BUILTIN_TOOLS
from letta.tools.schemas import CreateTool, UpdateTool
from letta.tools.tool import Tool

Upsert = Callable[..., Tool]
Update = Callable[..., Tool]


def source(name: str, signature: str = "x: int", *, says: str = "Do it.", body: str = "return x") -> str:
    parameter = signature.partition(":")[0]
    return f'def {name}({signature}):\n    """{says}\n\n    Args:\n        {parameter}: a thing\n    """\n    {body}\n'


def schema(name: str, **values: Any) -> dict[str, Any]:
    return {"name": name, "description": "Given.", "parameters": {"type": "object", "properties": {"q": {}}}} | values


@pytest.fixture
def upsert(database: Database, actor: Actor) -> Upsert:
    def do(source_code: str, **fields: Any) -> Tool:
        return database.run_sync(service.upsert_tool, actor, CreateTool(source_code=source_code, **fields))

    return do


@pytest.fixture
def update(database: Database, actor: Actor) -> Update:
    def do(tool: Tool, **fields: Any) -> Tool:
        return database.run_sync(service.update_tool, actor, tool.id, UpdateTool(**fields))

    return do


def test_a_new_tool_is_described_by_its_source(connection: Connection, actor: Actor, upsert: Upsert) -> None:
    tool = upsert(source("f"), tags=["t"])
    assert (tool.name, tool.tool_type, tool.source_type, tool.tags) == ("f", "custom", "python", ["t"])
    assert tool.description == tool.json_schema["description"] == "Do it."
    assert tool.json_schema["parameters"]["required"] == ["x"]
    assert tool.return_char_limit == 50_000
    assert repository.get_tool(connection, actor, tool.id) == tool


def test_the_same_name_is_the_same_tool(upsert: Upsert) -> None:
    first = upsert(source("f"), tags=["t"], return_char_limit=9, default_requires_approval=True, description="Mine.")
    second = upsert(source("f", "y: str", says="Do that."))
    assert second.id == first.id
    assert list(second.json_schema["parameters"]["properties"]) == ["y"]
    assert (second.tags, second.return_char_limit, second.default_requires_approval) == (["t"], 9, True)
    assert second.description == "Mine."
    assert upsert(source("f"), tags=[], return_char_limit=8).tags == []


async def test_requests_for_one_name_at_once_make_one_tool(database: Database, actor: Actor) -> None:
    bodies = [CreateTool(source_code=source("f", body=f"return {number}")) for number in range(8)]
    tools = await asyncio.gather(*(database.run(service.upsert_tool, actor, body) for body in bodies))
    assert len({tool.id for tool in tools}) == 1
    assert sorted(tool.source_code or "" for tool in tools) == sorted(body.source_code for body in bodies)


def test_a_description_nobody_chose_follows_the_docstring(upsert: Upsert, update: Update) -> None:
    tool = upsert(source("f"))
    assert upsert(source("f", says="Do that.")).description == "Do that."
    assert update(tool, source_code=source("f", says="Do more.")).description == "Do more."
    assert update(tool, description="Mine.").description == "Mine."
    assert update(tool, source_code=source("f", says="Do less.")).description == "Mine."
    assert update(tool, description=None).description == "Do less."


def test_a_given_schema_is_taken_and_completed(upsert: Upsert) -> None:
    tool = upsert("def h(q): ...", json_schema=schema("h"))
    assert tool.json_schema["parameters"] == {"type": "object", "properties": {"q": {}}, "required": []}
    assert tool.description == "Given."
    bare = upsert("def i(): ...", json_schema={"name": "i"})
    assert bare.json_schema["parameters"] == {"type": "object", "properties": {}, "required": []}
    assert bare.description == ""


def test_given_arguments_describe_the_parameters(upsert: Upsert, update: Update) -> None:
    arguments = {"title": "A", "type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    tool = upsert('def f(x):\n    """Do."""', args_json_schema=arguments)
    assert tool.args_json_schema == arguments
    assert tool.json_schema["parameters"]["properties"] == {"x": {"type": "integer"}}

    changed = update(tool, args_json_schema=arguments | {"properties": {"z": {}}})
    assert list(changed.json_schema["parameters"]["properties"]) == ["z"]
    derived = update(tool, source_code=source("f"))
    assert derived.args_json_schema is None
    assert derived.json_schema["parameters"]["properties"]["x"]["description"] == "a thing"


def test_dropping_the_given_arguments_derives_them(upsert: Upsert, update: Update) -> None:
    tool = upsert(source("f"), args_json_schema={"properties": {"q": {}}})
    assert list(update(tool, args_json_schema=None).json_schema["parameters"]["properties"]) == ["x"]


def test_a_changed_source_gets_a_new_schema_and_name(upsert: Upsert, update: Update) -> None:
    tool = upsert(source("f"))
    changed = update(tool, source_code=source("g", "word: str"))
    assert (changed.id, changed.name, changed.json_schema["name"]) == (tool.id, "g", "g")
    assert list(changed.json_schema["parameters"]["properties"]) == ["word"]


def test_an_unchanged_source_keeps_its_given_schema(upsert: Upsert, update: Update) -> None:
    tool = upsert("def h(q): ...", json_schema=schema("h"))
    assert update(tool, source_code="def h(q): ...", tags=["a"]).json_schema == tool.json_schema


def test_a_whole_tool_can_be_sent_back(upsert: Upsert, update: Update) -> None:
    tool = upsert("def h(q): ...", json_schema=schema("h"))
    back = update(tool, source_code=tool.source_code, json_schema=tool.json_schema, args_json_schema=None, tags=["new"])
    assert replace(back, updated_at=tool.updated_at) == replace(tool, tags=["new"])


def test_plain_fields_change(upsert: Upsert, update: Update) -> None:
    tool = upsert(source("f"), pip_requirements=[{"name": "requests"}])
    changed = update(tool, tags=["a"], return_char_limit=10, metadata_={"k": 1}, enable_parallel_execution=True)
    assert (changed.tags, changed.return_char_limit, changed.metadata) == (["a"], 10, {"k": 1})
    assert changed.enable_parallel_execution
    assert changed.pip_requirements == [{"name": "requests"}]
    assert update(tool, tags=None, pip_requirements=None).pip_requirements is None
    assert changed.updated_at != tool.updated_at


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"source_code": source("f"), "json_schema": schema("other")},
            "'other', but the function in source_code is 'f'",
        ),
        ({"source_code": source("f" * 49)}, "at most 48 characters"),
        ({"source_code": source("größe")}, "letters from a to z"),
        ({"source_code": source("f"), "json_schema": {"description": "x"}}, "needs a 'name'"),
        ({"source_code": source("f"), "json_schema": schema("f", parameters={"type": "array"})}, "of type 'object'"),
        ({"source_code": source("f"), "json_schema": schema("f", parameters={"properties": []})}, "must be an object"),
        ({"source_code": source("f"), "json_schema": schema("f", description="a\0")}, "json_schema contains a NUL"),
        ({"source_code": source("f", says="a\\0")}, "json_schema contains a NUL"),
        ({"source_code": "function f() {}", "source_type": "typescript"}, "written in Python"),
        (
            {"source_code": "function f() {}", "source_type": "typescript", "json_schema": schema("f")},
            "source_type is 'typescript'. This server only runs tools written in Python",
        ),
        ({"source_code": source("f"), "npm_requirements": [{"name": "left-pad"}]}, "npm_requirements names left-pad"),
        ({"source_code": "def broken(:"}, "not valid Python"),
        ({"source_code": "def f(a): ..."}, "no docstring"),
    ],
)
def test_what_does_not_fit_is_refused(upsert: Upsert, fields: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidArgumentError, match=words):
        upsert(**fields)


def test_a_tool_can_not_become_one_that_is_never_run(upsert: Upsert, update: Update) -> None:
    tool = upsert(source("f"), npm_requirements=[])
    for change in ({"source_type": "typescript"}, {"npm_requirements": [{"name": "left-pad"}]}):
        with pytest.raises(InvalidArgumentError, match="written in Python"):
            update(tool, **change)
    assert update(tool, npm_requirements=None, source_type="python").source_type == "python"


def test_a_refused_change_changes_nothing(connection: Connection, actor: Actor, upsert: Upsert, update: Update) -> None:
    tool = upsert(source("f"))
    with pytest.raises(InvalidArgumentError):
        update(tool, source_code="def f(a): ...", tags=["x"])
    assert repository.get_tool(connection, actor, tool.id) == tool


def test_a_taken_name_cannot_be_assumed(upsert: Upsert, update: Update) -> None:
    upsert(source("f"))
    with pytest.raises(ConflictError, match="A tool named 'f' already exists"):
        update(upsert(source("g")), source_code=source("f"))


def test_unknown_tools_cannot_be_changed(actor: Actor, database: Database) -> None:
    with pytest.raises(NotFoundError):
        database.run_sync(service.update_tool, actor, "tool-x", UpdateTool(tags=[]))


def test_builtin_tools_are_there_once(database: Database, actor: Actor, statements: list[str]) -> None:
    database.run_sync(service.ensure_builtin_tools, actor)
    stored = database.run_sync(service.add_base_tools, actor)
    assert sorted(tool.name for tool in stored) == sorted(builtin.name for builtin in BUILTIN_TOOLS)
    for tool in stored:
        assert (tool.source_code, tool.tags) == (None, [tool.tool_type])

    statements.clear()
    database.run_sync(service.ensure_builtin_tools, actor)
    assert [each.split("SELECT")[0].strip().split(";")[0] for each in statements] == ["BEGIN", "COMMIT"]


def test_builtin_tools_keep_what_users_may_set(
    database: Database, actor: Actor, update: Update, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.run_sync(service.ensure_builtin_tools, actor)
    builtin = BUILTIN_TOOLS[0]
    (tool,) = database.run_sync(repository.tools_by_names, actor, [builtin.name])
    update(tool, return_char_limit=77, tags=["mine"], default_requires_approval=True)
    monkeypatch.setattr(service, "BUILTIN_TOOLS", [replace(builtin, description="New words.")])
    database.run_sync(service.ensure_builtin_tools, actor)

    (changed,) = database.run_sync(repository.tools_by_names, actor, [builtin.name])
    assert (changed.id, changed.description) == (tool.id, "New words.")
    assert changed.json_schema["description"] == "New words."
    assert (changed.return_char_limit, changed.tags, changed.default_requires_approval) == (77, ["mine"], True)


def test_builtin_tools_cannot_be_replaced(database: Database, actor: Actor, upsert: Upsert, update: Update) -> None:
    database.run_sync(service.ensure_builtin_tools, actor)
    name = BUILTIN_TOOLS[0].name
    (tool,) = database.run_sync(repository.tools_by_names, actor, [name])
    with pytest.raises(ConflictError, match="not a custom tool"):
        upsert(source(name))
    with pytest.raises(InvalidArgumentError, match="not a custom tool"):
        update(tool, source_code=source(name))
    assert update(tool, source_code=None, json_schema=tool.json_schema, description="Mine.").description == "Mine."


def test_a_custom_tool_is_not_replaced_by_a_builtin_one(database: Database, actor: Actor, upsert: Upsert) -> None:
    mine = upsert(source(BUILTIN_TOOLS[0].name))
    assert mine in database.run_sync(service.add_base_tools, actor)
