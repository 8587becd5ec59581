"""A list costs as many statements for many things as for one, whatever it lists."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from letta.http.app import create_app
from letta.settings import Settings
from letta.testing.postgres import PostgresWire, throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.folders.uploading import uploaded
from tests.hostile.things import YEARLY, things
from tests.support.servers import environment_of
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

ASKED_ELSEWHERE = {"/v1/models", "/v1/models/embedding", "/v1/tools/mcp/servers/{mcp_server_name}/tools"}
IN_AN_OBJECT = {
    "/v1/agents/{agent_id}/files": "files",
    "/v1/agents/{agent_id}/schedule": "scheduled_messages",
    "/v1/client-side-access-tokens": "tokens",
}
"""Lists that are a field of what is answered."""
NOT_GROWN = {
    "/v1/agents/{agent_id}/archives",  # an agent has one
    "/v1/jobs/active",
    "/v1/mcp-servers/{mcp_server_id}/tools",  # nobody answers there
    "/v1/messages/{message_id}",
    "/v1/runs/active",
    "/v1/sandbox-config",  # an organization has one
    "/v1/templates/{template_name}/versions",
    "/v1/runs/{run_id}/messages",
    "/v1/runs/{run_id}/steps",
    "/v1/runs/{run_id}/trace",
    "/v1/steps/{step_id}/messages",
}
"""What doesn't get longer with more of everything."""
MOST_READINGS = 100


class Listing:
    """A server whose statements are counted."""

    def __init__(self, wire: PostgresWire, http: httpx2.Client) -> None:
        self._wire = wire
        self.http = http
        self.paths = sorted(IN_AN_OBJECT.keys() | set(list_paths()) - ASKED_ELSEWHERE)

    def measure(
        self, ids: dict[str, str], before: dict[str, tuple[int, int]] | None = None
    ) -> dict[str, tuple[int, int]]:
        """For each list: how many things are in it, and with how many statements they were read.

        Those that seem to have taken more than ``before`` are read again, as something else may have come between.
        """
        return {path: self._measure(path, ids, before[path][1] if before else None) for path in self.paths}

    def _measure(self, form: str, ids: dict[str, str], before: int | None) -> tuple[int, int]:
        path, field = form.format(**ids), IN_AN_OBJECT.get(form)
        self.http.get(path).raise_for_status()  # whatever is done at the first time only
        counted: list[int] = []
        while len(counted) < 3 or (before is not None and min(counted) > before and len(counted) < MOST_READINGS):
            with self._wire.measure() as traffic:
                listed = self.http.get(path).raise_for_status().json()
            counted.append(len(traffic.statements))
        return len(listed[field] if field else listed), min(counted)


def list_paths() -> Iterator[str]:
    """Paths of the operations that answer with a list of stored things."""
    for path, verbs in create_app(Settings()).openapi()["paths"].items():
        answers = verbs.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if answers.get("application/json", {}).get("schema", {}).get("type") == "array":
            yield path


@pytest.fixture
def listing(embedded_uri: str, scripted_model: ScriptedModel) -> Iterator[Listing]:
    with (
        throwaway_schema(embedded_uri) as schema,
        PostgresWire(embedded_uri) as wire,
        ServerProcess(environment_of(wire.uri, schema, scripted_model)) as server,
        httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http,
    ):
        yield Listing(wire, http)


def relate(http: httpx2.Client, first: dict[str, str], further: dict[str, str], mark: str) -> None:
    """Give the first of all things more of each kind that it can have."""

    def made(path: str, **body: Any) -> str:
        return str(http.post(path, json=body).raise_for_status().json()["id"])

    http.patch(f"/v1/blocks/{further['block_id']}", json={"label": f"label {mark}"}).raise_for_status()
    http.patch(f"/v1/blocks/{first['block_id']}", json={"value": mark}).raise_for_status()
    agent, archive = f"/v1/agents/{first['agent_id']}", f"/v1/archives/{first['archive_id']}"
    tool = made("/v1/tools", source_code=f'def greet_{mark}() -> str:\n    """Say hello."""\n    return \'hello\'\n')
    for path in (
        f"{agent}/core-memory/blocks/attach/{further['block_id']}",
        f"{agent}/folders/attach/{further['folder_id']}",
        f"{agent}/tools/attach/{tool}",
        f"{agent}/identities/attach/{further['identity_id']}",
        f"/v1/agents/{further['agent_id']}/identities/attach/{first['identity_id']}",
        f"/v1/agents/{further['agent_id']}/core-memory/blocks/attach/{first['block_id']}",
        f"/v1/agents/{further['agent_id']}/folders/attach/{first['folder_id']}",
        f"/v1/agents/{AgentTalk(http).id}/archives/attach/{first['archive_id']}",
        f"/v1/blocks/{further['block_id']}/identities/attach/{first['identity_id']}",
    ):
        http.patch(path).raise_for_status()
    for folder in (first["folder_id"], further["folder_id"]):
        uploaded(http, folder, mark, f"{mark}.txt")
    made(f"{agent}/schedule", messages=[{"role": "user", "content": mark}], schedule=YEARLY)
    made(f"{archive}/passages", text=mark)
    http.delete(f"{archive}/passages/{made(f'{archive}/passages', text='gone')}").raise_for_status()
    made("/v1/admin/users", name=mark, organization_id=made("/v1/admin/orgs", name=mark))
    said = {"input": mark, "streaming": False}
    http.post(f"/v1/conversations/{first['conversation_id']}/messages", json=said).raise_for_status()
    made("/v1/groups", agent_ids=[first["agent_id"]], description=mark)
    for_group = {"role": "user", "content": mark, "group_id": first["group_id"]}
    AgentTalk.of(http, first["agent_id"]).send(for_group)


def test_statements_do_not_grow_with_what_is_listed(listing: Listing) -> None:
    first = things(listing.http)
    relate(listing.http, first, things(listing.http, "b"), "b")
    before = listing.measure(first)
    for mark in ("c", "d", "e"):
        relate(listing.http, first, things(listing.http, mark), mark)
    after = listing.measure(first, before)
    grown = {path: (before[path][1], after[path][1]) for path in after if after[path][1] > before[path][1]}
    assert grown == {}
    assert {path for path in after if after[path][0] <= before[path][0]} <= NOT_GROWN
