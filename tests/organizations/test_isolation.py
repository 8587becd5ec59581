"""Nobody of one organization reads, lists, searches, changes or follows anything of another's.

The operations are those that the OpenAPI describes, so that new ones are tried as well. One with an id in its path that
`things` doesn't make fails here: add the thing.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.hostile.operations import Operation, operations
from tests.hostile.things import things
from tests.support.servers import environment_of

pytestmark = pytest.mark.slow


THEIRS, OURS = "Zebrafink", "Dompfaff"
ABOVE_ALL = "/v1/admin/"
"""For whoever runs the server."""
ANSWERED = {
    # Tells of each run whether it goes on no more; of one that isn't there, that it failed.
    "POST /v1/agents/{agent_id}/messages/cancel",
}
OF_LIVE_SERVERS = {"/v1/mcp-servers/{mcp_server_id}/tools/{tool_id}", "/v1/tools/mcp/servers/{mcp_server_name}/tools"}
"""What an MCP server that can't be reached hasn't."""
VOLATILE = {"GET /v1/mcp-servers/connect/{mcp_server_id}", "GET /v1/tools/mcp/oauth/callback"}
"""Read-only, but of something else than what is stored."""

FREE = {"transaction"}
"""Parameters of paths that name nothing stored."""

NOW = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.\d]*")
"""When an answer was made, which some of them tell."""


@dataclass
class Side:
    """An organization as one of its users sees it."""

    http: httpx2.Client
    ids: dict[str, str]

    def ask(self, operation: Operation, ids: dict[str, str], of_path: dict[str, str] | None = None) -> httpx2.Response:
        return self.http.request(**operation.request(ids, of_path))


@dataclass
class World:
    """Two organizations on one server."""

    theirs: Side
    ours: Side
    operations: list[Operation]


@contextmanager
def side(server: ServerProcess, name: str) -> Iterator[Side]:
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http:
        organization = http.post("/v1/admin/orgs", json={"name": name}).raise_for_status().json()
        body = {"name": name, "organization_id": organization["id"]}
        http.headers["user_id"] = http.post("/v1/admin/users", json=body).raise_for_status().json()["id"]
        yield Side(http, things(http, name))


@pytest.fixture(scope="module")
def world(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[World]:
    scripted_model.reset()
    with (
        throwaway_schema(postgres_uri) as schema,
        ServerProcess(environment_of(postgres_uri, schema, scripted_model)) as server,
        side(server, THEIRS) as theirs,
        side(server, OURS) as ours,
    ):
        yield World(theirs, ours, [each for each in operations(ours.http) if not each.path.startswith(ABOVE_ALL)])


def everything(side: Side, listed: list[Operation]) -> dict[str, Any]:
    """All that an organization's user can read."""
    answers = {str(each): side.ask(each, side.ids) for each in listed if each.verb == "get"}
    found = {name: answer for name, answer in answers.items() if name not in VOLATILE}
    return {name: (answer.status_code, NOW.sub("", answer.text)) for name, answer in found.items()}


def test_what_paths_name_is_made(world: World) -> None:
    named = {name for each in world.operations for name in each.path_parameters}
    assert named - world.theirs.ids.keys() - FREE == set()


def told_of_them(answer: httpx2.Response, world: World) -> bool:
    """Whether it tells something of the others that wasn't in the question."""
    text = answer.text
    for known in world.theirs.ids.values():
        text = text.replace(known, "")
    return THEIRS in text


def test_what_is_of_others_is_not_there(world: World) -> None:
    before = everything(world.theirs, world.operations)
    unread = {name: answer for name, answer in before.items() if answer[0] != 200}
    unread = {name: answer for name, answer in unread.items() if name.removeprefix("GET ") not in OF_LIVE_SERVERS}
    assert unread == {}, "the owner reads all of it; otherwise this would test nothing"
    reached, told = {}, {}
    for each in world.operations:
        name, answer = str(each), world.ours.ask(each, world.theirs.ids)
        if told_of_them(answer, world):
            told[name] = answer.text
        if each.path_parameters and name not in ANSWERED and answer.status_code != 404:
            reached[name] = (answer.status_code, answer.text[:300])
    assert told == {}
    assert reached == {}
    assert everything(world.theirs, world.operations) == before


def test_what_is_of_others_cannot_be_brought_to_ones_own(world: World) -> None:
    """An id of another organization beside one's own: in the rest of the path, in the query, in the body."""
    before = everything(world.theirs, world.operations)
    taken, told = {}, {}
    for each in world.operations:
        first = each.path_parameters[:1]
        # An agent that is named beside a conversation is looked at where the conversation is its default one.
        own = {name: "default" if name == "conversation_id" else world.ours.ids[name] for name in first}
        others = {name: value for name, value in world.theirs.ids.items() if name not in first}
        if not each.refers_to(others):
            continue
        answer = world.ours.ask(each, others, others | own)
        if told_of_them(answer, world):
            told[str(each)] = answer.text
        if each.verb != "get" and answer.status_code < 300 and str(each) not in ANSWERED:
            taken[str(each)] = (answer.status_code, answer.text[:300])
    assert told == {}
    assert taken == {}
    assert everything(world.theirs, world.operations) == before
