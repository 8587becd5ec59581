"""Agents couldn't be deleted once they had passages; where they could, blocks that others used went with them."""

import uuid
from contextlib import closing
from typing import Any

import httpx2
import psycopg2
import pytest
from psycopg2 import sql

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]


def ids_mentioned(server: ServerProcess, agent_id: str) -> dict[str, int]:
    """By table, how many rows still name the agent; but for the histories of blocks, which tell who wrote what."""
    found = {}
    uri, schema = server.environment["LETTA_PG_URI"], server.environment["LETTA_PG_SCHEMA"]
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename <> 'block_history'", [schema]
        )
        for (table,) in cursor.fetchall():
            place = sql.SQL("SELECT count(*) FROM {}.{} AS row WHERE row::text LIKE %s").format(
                *map(sql.Identifier, (schema, table))
            )
            cursor.execute(place, [f"%{agent_id}%"])
            (counted,) = cursor.fetchall()
            if counted[0]:
                found[table] = counted[0]
    return found


@pytest.fixture
def shared(http: httpx2.Client) -> Json:
    """Things that several agents use."""

    def post(path: str, **body: Any) -> str:
        return str(http.post(path, json=body).raise_for_status().json()["id"])

    archive = post("/v1/archives", name="Ours")
    http.post(f"/v1/archives/{archive}/passages", json={"text": "The key is under the mat."}).raise_for_status()
    source = "def greet() -> str:\n    '''Say hello.'''\n    return 'hello'\n"
    return {
        "block": post("/v1/blocks", label="ours", value="Common knowledge."),
        "archive": archive,
        "tool": str(http.put("/v1/tools", json={"source_code": source}).raise_for_status().json()["id"]),
        "folder": post("/v1/folders", name=f"Ours {uuid.uuid4()}"),
    }


def full_agent(http: httpx2.Client, model: ScriptedModel, shared: Json) -> AgentTalk:
    """An agent with something in every table that an agent can have something in."""
    talk = AgentTalk(
        http,
        include_base_tools=True,
        block_ids=[shared["block"]],
        memory_blocks=[{"label": "human", "value": "Ada."}],
        tool_ids=[shared["tool"]],
        tags=["doomed"],
        secrets={"TOKEN": "t"},
    )
    for path in (f"archives/attach/{shared['archive']}", f"folders/attach/{shared['folder']}"):
        assert http.patch(f"/v1/agents/{talk.id}/{path}").status_code in {200, 204}
    calls = [Call("memory_insert", {"label": "human", "new_string": "Likes tea."})]
    talk.say(model.script(Reply(calls=calls), Reply("Noted.")).say())
    talk.stream(input="In the background.", background=True)
    conversation = http.post("/v1/conversations", json={"summary": "aside"}, params={"agent_id": talk.id}).json()["id"]
    aside = http.post(f"/v1/conversations/{conversation}/messages", json={"input": "Aside.", "streaming": False})
    assert aside.status_code == 200, aside.text
    http.post(f"/v1/conversations/{conversation}/fork").raise_for_status()
    talk.post({"input": "x" * 10, "max_steps": 0})
    run = http.get("/v1/runs", params={"agent_id": talk.id}).json()[0]
    step = http.get("/v1/steps", params={"agent_id": talk.id}).json()[0]
    http.patch(f"/v1/steps/{step['id']}/feedback", json={"feedback": "positive"})
    assert run["agent_id"] == talk.id
    return talk


def test_an_agent_with_all_that_agents_can_have_is_deleted_and_leaves_nothing(
    http: httpx2.Client, server: ServerProcess, model: ScriptedModel, shared: Json
) -> None:
    talk, other = full_agent(http, model, shared), full_agent(http, model, shared)
    assert len(ids_mentioned(server, talk.id)) >= 8, "it has something nearly everywhere"
    assert http.delete(f"/v1/agents/{talk.id}").status_code == 200
    assert ids_mentioned(server, talk.id) == {}
    assert http.get(f"/v1/agents/{talk.id}").status_code == 404
    assert other.say("And you?")["messages"], "who shared with it goes on"


def test_what_others_use_as_well_survives(http: httpx2.Client, model: ScriptedModel, shared: Json) -> None:
    talk, other = full_agent(http, model, shared), full_agent(http, model, shared)
    http.delete(f"/v1/agents/{talk.id}").raise_for_status()
    assert http.get(f"/v1/blocks/{shared['block']}").json()["value"] == "Common knowledge."
    assert http.get(f"/v1/tools/{shared['tool']}").json()["name"] == "greet"
    assert http.get(f"/v1/folders/{shared['folder']}").status_code == 200
    assert http.get(f"/v1/archives/{shared['archive']}").status_code == 200
    found = http.get(f"/v1/agents/{other.id}/archival-memory/search", params={"query": "key"}).json()
    assert "under the mat" in str(found)
    assert other.block("ours") == "Common knowledge."


def test_archives_and_blocks_survive_the_last_agent_that_used_them(
    http: httpx2.Client, model: ScriptedModel, shared: Json
) -> None:
    talk = full_agent(http, model, shared)
    own = next(block["id"] for block in talk.retrieve("blocks")["blocks"] if block["label"] == "human")
    http.delete(f"/v1/agents/{talk.id}").raise_for_status()
    assert http.get(f"/v1/blocks/{own}").json()["value"].endswith("Likes tea.")
    found = http.post("/v1/passages/search", json={"archive_id": shared["archive"], "query": "key"}).json()
    assert "under the mat" in str(found)


def test_an_agent_in_the_midst_of_a_turn_can_be_deleted(
    http: httpx2.Client, server: ServerProcess, model: ScriptedModel
) -> None:
    talk = AgentTalk(http)
    script = model.script(Reply("Too late.", hold=True))
    started = http.post(f"{talk.path}/async", json={"input": script.say()}).raise_for_status().json()
    script.wait_asked()
    assert http.delete(f"/v1/agents/{talk.id}").status_code in {200, 409}
    script.release()
    assert http.get(f"/v1/runs/{started['id']}").status_code in {200, 404}
    assert http.get("/v1/agents").status_code == 200
