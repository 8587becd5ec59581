"""What the former server took and told, operation by operation, this one takes and tells, unless it is named here."""

import json
import re
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

import pytest

from letta.http.app import create_app
from letta.settings import Settings
from letta.testing.contract.comparing import Comparison, compact

Json = dict[str, Any]

UPSTREAM: Json = json.loads(files("letta.testing.contract").joinpath("upstream.json").read_text())

MESSAGE_TAKERS = "POST /v1/*"
KNOWN = (
    ("*", "*embedding_config: we answer null", "a folder needs no embedding model here: it is searched by words"),
    (MESSAGE_TAKERS, "*batch_item_id: missing", "made by the former server itself, not by clients"),
    (MESSAGE_TAKERS, "body.*[[][]].*: missing", "parts of answers, which a message to an agent can't have"),
    (MESSAGE_TAKERS, "body.*[[][]].type: we refuse *", "parts of answers, which a message to an agent can't have"),
    ("POST /v1/*agents*", "body.project: missing", "projects are the hosted product's"),
    ("POST /v1/agents/", "body.actor_id: missing", "whoever asks is the actor"),
    ("* /v1/agents/*/export", "*", "an agent file, which is JSON and no string"),
    ("POST /v1/agents/*/messages/stream", "answer*", "a stream, which is described as one"),
    ("POST /v1/messages/search", "answer[[][]].reasoning: missing", "the text of reasoning isn't searched"),
    ("POST /v1/chat/completions", "body*", "an agent has its own settings, and its own history"),
    ("* /v1/*", "*message*created_by_id: missing", "messages have their agent and run instead"),
    ("* /v1/*", "*message*last_updated_by_id: missing", "messages have their agent and run instead"),
    ("* /v1/*", "*message*updated_at: missing", "messages have their agent and run instead"),
    ("POST /v1/*/run", "answer.agent_state: no object", "null: a tool changes nothing of its agent"),
    ("* /v1/tools/*", "query.*letta_tools: we refuse null", "nothing that a query could say"),
    ("* /v1/*mcp*", "* we refuse *", "what a server of that type can't have"),
    ("GET /v1/mcp-servers/connect/*", "answer: not described", "a stream"),
    ("POST /v1/tools/mcp/servers/connect", "answer: not described", "a stream"),
    ("GET /v1/tools/mcp/oauth/callback", "answer: not described", "a page"),
    ("POST /v1/tools/run", "answer.*tool_return: no list", "what a tool returns is text here"),
    ("GET /v1/models/", "answer[[][]].response_format: no object", "always null"),
    ("GET /v1/*/*", "answer.created_at: we answer null", "a trace that isn't kept any more"),
    ("* /v1/agents/*/schedule*", "* we refuse *", "a number that has no fraction"),
    ("GET /v1/agents/*/schedule*", "answer.* we answer *", "what the client's types leave out, a message may have"),
    ("GET /v1/client-side-access-tokens", "query.* we refuse number", "a number that has no fraction"),
    ("DELETE /v1/client-side-access-tokens/*", "body: missing", "always empty"),
    ("POST /v1/runs/*/stream", "body.*: missing", "the path names the run"),
)
"""Operations, differences (as patterns) and why they are there."""


def form(operation: str) -> str:
    """An operation without the names of its parameters."""
    return re.sub(r"{[^}]*}", "{}", operation).rstrip("/")


@pytest.fixture(scope="module")
def ours() -> Json:
    return compact(create_app(Settings()).openapi())


def test_operations_have_the_same_shapes(ours: Json) -> None:
    own = {form(operation): described for operation, described in ours["operations"].items()}
    comparison = Comparison(ours, UPSTREAM)
    found = [
        (operation, difference)
        for operation in UPSTREAM["operations"]
        if form(operation) in own
        for difference in comparison.differences(operation, own[form(operation)])
    ]
    unknown = [one for one in found if not any(matches(one, known) for known in KNOWN)]
    assert unknown == []
    idle = [known for known in KNOWN if not any(matches(one, known) for one in found)]
    assert idle == [], "take out what is no difference any more"


def matches(found: tuple[str, str], known: tuple[str, str, str]) -> bool:
    return all(fnmatchcase(text, pattern) for text, pattern in zip(found, known, strict=False))


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        ({"query": {"limit": ["integer"]}}, "query.after: missing"),
        ({"query": {"limit": ["string"], "after": ["string"]}}, "query.limit: we refuse integer"),
        ({"answer": [["list", {"fields": {"id": ["string"]}}]]}, "answer[].size: missing"),
        (
            {"answer": [["list", {"fields": {"id": ["string", "null"], "size": ["integer"]}}]]},
            "answer[].id: we answer null",
        ),
        ({"answer": [{"fields": {"id": ["string"], "size": ["integer"]}}]}, "answer: no list"),
        ({"body": ["application/json", ["#Small"]]}, "body.size: missing"),
        ({"status": 201}, "status: 201 instead of 200"),
    ],
)
def test_differences_are_seen(change: Json, difference: str) -> None:
    operation = {
        "query": {"limit": ["integer"], "after": ["string"]},
        "body": ["application/json", ["#Thing"]],
        "status": 200,
        "answer": [["list", "#Thing"]],
    }
    types = {
        "Thing": {"fields": {"id": ["string"], "size": ["integer"], "part": ["#Thing", "null"]}},
        "Small": {"fields": {"id": ["string"], "part": ["#Thing", "null"]}},
    }
    upstream = {"operations": {"GET /things": operation}, "types": types}
    comparison = Comparison({"types": types}, upstream)
    assert list(comparison.differences("GET /things", operation)) == []
    assert difference in list(comparison.differences("GET /things", operation | change))
