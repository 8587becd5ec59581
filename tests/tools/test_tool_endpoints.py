"""The operations on tools, as the official client and plain HTTP meet them."""

import uuid
from collections.abc import Callable, Iterator

import httpx2
import pytest
from letta_client import Letta, NotFoundError
from letta_client.types import Tool

from letta.tools.registry import BUILTIN_TOOLS

UNKNOWN = "tool-00000000-0000-4000-8000-0000000000aa"
NewTool = Callable[..., Tool]


def source(name: str, *, body: str = "return x") -> str:
    return f'def {name}(x: int) -> int:\n    """Do it.\n\n    Args:\n        x (int): the number\n    """\n    {body}\n'


@pytest.fixture
def word() -> str:
    """A name that no other test uses."""
    return f"t{uuid.uuid4().hex[:10]}"


@pytest.fixture
def new_tool(client: Letta) -> Iterator[NewTool]:
    made: list[str] = []

    def make(name: str, **fields: object) -> Tool:
        tool = client.tools.create(source_code=source(name), extra_body=fields)
        made.append(tool.id)
        return tool

    yield make
    for tool_id in set(made):
        client.tools.delete(tool_id)


def test_a_tool_on_the_wire(http: httpx2.Client, new_tool: NewTool, word: str) -> None:
    created = new_tool(word, tags=["a"], return_char_limit=9)
    body = http.get(f"/v1/tools/{created.id}").json()
    assert body == {
        "id": created.id,
        "tool_type": "custom",
        "description": "Do it.",
        "source_type": "python",
        "name": word,
        "tags": ["a"],
        "source_code": source(word),
        "json_schema": {
            "name": word,
            "description": "Do it.",
            "parameters": {
                "type": "object",
                "properties": {"x": {"type": "integer", "description": "the number"}},
                "required": ["x"],
            },
        },
        "args_json_schema": None,
        "return_char_limit": 9,
        "pip_requirements": None,
        "npm_requirements": None,
        "default_requires_approval": None,
        "enable_parallel_execution": False,
        "created_by_id": "user-00000000-0000-4000-8000-000000000000",
        "last_updated_by_id": "user-00000000-0000-4000-8000-000000000000",
        "metadata_": {},
        "project_id": None,
    }


def test_create_and_upsert_keep_the_id_of_a_name(client: Letta, new_tool: NewTool, word: str) -> None:
    first = new_tool(word)
    assert new_tool(word).id == first.id
    upserted = client.tools.upsert(source_code=source(word, body="return 2"))
    assert upserted.id == first.id
    assert client.tools.retrieve(first.id).source_code == source(word, body="return 2")


def test_update_and_metadata(http: httpx2.Client, new_tool: NewTool, word: str) -> None:
    tool = new_tool(word)
    body = http.patch(f"/v1/tools/{tool.id}", json={"tags": ["n"], "metadata_": {"k": 1}, "description": "w"}).json()
    assert (body["tags"], body["metadata_"], body["description"]) == (["n"], {"k": 1}, "w")


def test_lists_are_paged_and_filtered(client: Letta, http: httpx2.Client, new_tool: NewTool, word: str) -> None:
    ids = [new_tool(f"{word}_{number}").id for number in range(3)]
    assert [tool.id for tool in client.tools.list(search=word)] == ids[::-1]
    assert [tool.id for tool in client.tools.list(search=word, order="asc", limit=1)] == ids
    assert [tool.id for tool in client.tools.list(search=word, order="asc", after=ids[0], limit=1).items] == [ids[1]]
    assert [tool.id for tool in client.tools.list(name=f"{word}_1")] == [ids[1]]
    assert {tool.id for tool in client.tools.list(names=[f"{word}_0", f"{word}_2"])} == {ids[0], ids[2]}
    assert {tool.id for tool in client.tools.list(tool_ids=ids[:2])} == set(ids[:2])
    assert not set(ids) & {tool.id for tool in client.tools.list(exclude_tool_types=["custom"], limit=500)}
    letta_only = http.get("/v1/tools", params={"return_only_letta_tools": True, "limit": 500}).json()
    assert {tool["tool_type"] for tool in letta_only} == {builtin.tool_type for builtin in BUILTIN_TOOLS}


def test_counts(http: httpx2.Client, new_tool: NewTool, word: str) -> None:
    new_tool(word)
    whole = http.get("/v1/tools/count").json()
    custom = http.get("/v1/tools/count", params={"exclude_letta_tools": True}).json()
    assert whole - custom == len(BUILTIN_TOOLS)
    assert http.get("/v1/tools/count", params={"search": word}).json() == 1


def test_builtin_tools_are_there_from_the_start(http: httpx2.Client) -> None:
    before = http.get("/v1/tools/count").json()
    added = http.post("/v1/tools/add-base-tools")
    assert added.status_code == 200
    assert {tool["name"] for tool in added.json()} == {builtin.name for builtin in BUILTIN_TOOLS}
    assert http.get("/v1/tools/count").json() == before


def test_a_schema_is_shown_without_storing(http: httpx2.Client, word: str) -> None:
    shown = http.post("/v1/tools/generate-schema", json={"code": source(word)})
    assert shown.json()["name"] == word
    assert http.get("/v1/tools", params={"name": word}).json() == []


def test_delete_takes_the_tool_from_agents(client: Letta, model_handle: str, word: str) -> None:
    tool = client.tools.create(source_code=source(word))
    agent = client.agents.create(model=model_handle, include_base_tools=False, tool_ids=[tool.id])
    assert [held.id for held in client.agents.tools.list(agent.id)] == [tool.id]
    client.tools.delete(tool.id)
    assert client.agents.tools.list(agent.id).items == []
    client.agents.delete(agent.id)


@pytest.fixture
def model_handle(client: Letta) -> str:
    return next(model.handle for model in client.models.list() if model.handle)


def test_unknown_tools(client: Letta) -> None:
    for attempt in (client.tools.retrieve, client.tools.delete, client.tools.update):
        with pytest.raises(NotFoundError, match=UNKNOWN):
            attempt(UNKNOWN)


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({}, 422, "source_code"),
        ({"source_code": "x = 1"}, 400, "contains no function"),
        ({"source_code": "def f(a):\n    '''Do.'''"}, 400, "parameter 'a' of 'f' has no type annotation"),
        ({"source_code": "def f(): ...", "return_char_limit": 0}, 422, "return_char_limit"),
        ({"source_code": "def f(): ...", "return_char_limit": 1_000_001}, 422, "return_char_limit"),
        ({"source_code": "def send_message():\n    '''Do.'''"}, 409, "send_message"),
    ],
)
def test_refusals_name_the_fault(http: httpx2.Client, body: dict[str, object], status: int, words: str) -> None:
    refused = http.post("/v1/tools/", json=body)
    assert refused.status_code == status
    assert words in refused.json()["detail"]


def test_unknown_types_are_refused(http: httpx2.Client) -> None:
    refused = http.get("/v1/tools/", params={"tool_types": "nonsense"})
    assert refused.status_code == 422
    assert "tool_types" in refused.json()["detail"]
