"""Operations that consoles and the hosted product call."""

from typing import Any
from uuid import uuid4

import httpx2
import pytest
from letta_client import Letta

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from tests.talking import AgentTalk

MODEL = "openai-proxy/gpt-4o-mini"
UNKNOWN = "123e4567-e89b-42d3-8456-426614174000"


def test_hidden_agents_are_counted_when_asked_for(http: httpx2.Client) -> None:
    def count(**query: bool) -> int:
        return int(http.get("/v1/_internal_agents/count", params=query).raise_for_status().json())

    seen, everything = count(), count(exclude_hidden=False)
    AgentTalk(http, hidden=True)
    assert (count(), count(exclude_hidden=True), count(exclude_hidden=False)) == (seen, seen, everything + 1)


def test_blocks_are_reached_by_both_addresses(http: httpx2.Client) -> None:
    talk = AgentTalk(http, memory_blocks=[{"label": "human", "value": "Ada"}])
    path = f"/v1/_internal_agents/{talk.id}/core-memory/blocks/human"
    changed = http.patch(path, json={"value": "Ben"}).raise_for_status().json()
    assert (changed["value"], talk.block("human")) == ("Ben", "Ben")
    label = f"label-{uuid4()}"
    made = http.post("/v1/_internal_blocks/", json={"label": label, "value": "v"}).raise_for_status().json()
    assert http.get("/v1/_internal_blocks/", params={"label": label}).json() == [made]
    assert http.get(f"/v1/_internal_blocks/{changed['id']}/agents").json()[0]["id"] == talk.id
    http.delete(f"/v1/_internal_blocks/{made['id']}").raise_for_status()
    assert http.get(f"/v1/blocks/{made['id']}").status_code == 404


def test_searches_need_no_warming(http: httpx2.Client) -> None:
    answer = http.post("/v1/_internal_search/cache-warm", json={"collection": "messages", "scope": {}})
    assert (answer.status_code, answer.json()["warmed"]) == (202, True)
    assert http.post("/v1/_internal_search/cache-warm", json={"collection": "x", "scope": {}}).status_code == 422


def test_a_deployment_is_listed_and_deleted_as_a_whole(http: httpx2.Client) -> None:
    deployment = f"deployment-{uuid4()}"
    origin = {"template_id": "t", "base_template_id": "b", "deployment_id": deployment}
    path = f"/v1/_internal_templates/deployment/{deployment}"
    assert http.get(path).status_code == http.delete(path).status_code == 404

    def made(kind: str, body: Any) -> Any:
        answer = http.post(f"/v1/_internal_templates/{kind}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    block = made("blocks", {"label": "a", "value": "v", "entity_id": "e1"} | origin)
    blocks = made("blocks/batch", [{"label": name, "value": "v", "entity_id": name} | origin for name in "xy"])
    body = {"name": "Ada", "model": MODEL, "enable_sleeptime": True, "entity_id": "e2", "block_ids": [block["id"]]}
    agent = made("agents", body | origin)
    assert (agent["deployment_id"], agent["entity_id"], agent["template_id"]) == (deployment, "e2", "t")
    assert AgentTalk.of(http, agent["id"]).agent["deployment_id"] == deployment
    group = made("groups", {"agent_ids": [agent["id"]], "description": "d"} | origin)
    assert (group["deployment_id"], group["base_template_id"]) == (deployment, "b")
    listed = http.get(path).json()
    ids = {"block": {block["id"], *(each["id"] for each in blocks)}, "agent": {agent["id"]}, "group": {group["id"]}}
    for kind, expected in ids.items():
        assert {entity["id"] for entity in listed["entities"] if entity["type"] == kind} == expected
        only = http.get(path, params={"entity_types": kind}).json()
        assert only["total_count"] == len(expected)
    assert listed["total_count"] == 5
    deleted = http.delete(path).json()
    assert {kind: set(deleted[f"deleted_{kind}s"]) for kind in ids} == ids
    assert http.get(path).status_code == http.get(f"/v1/agents/{agent['id']}").status_code == 404


def test_a_step_is_accounted_for_elsewhere(http: httpx2.Client) -> None:
    talk = AgentTalk(http)
    talk.say("Hello.")
    (step,) = http.get("/v1/steps", params={"agent_id": talk.id}).json()
    assert step["tid"] is None
    noted = http.patch(f"/v1/steps/{step['id']}/transaction/transaction-1").json()
    assert noted == step | {"tid": "transaction-1"}
    assert http.patch(f"/v1/steps/step-{UNKNOWN}/transaction/t").status_code == 404


def test_how_much_vectors_take(http: httpx2.Client, client: Letta) -> None:
    def size(unit: str | None = None) -> float:
        headers = {"storage-unit": unit} if unit else {}
        return float(http.get("/v1/embeddings/total_storage_size", headers=headers).raise_for_status().json())

    archive = client.archives.create(name="a", embedding="openai/text-embedding-3-small")
    before = size("B")
    client.archives.passages.create(archive.id, text="The teapot is blue.")
    assert size("B") > before
    assert size() == size("gb") == pytest.approx(size("MB") / 1024)
    refused = http.get("/v1/embeddings/total_storage_size", headers={"storage-unit": "acres"})
    assert (refused.status_code, "GB" in refused.json()["detail"]) == (400, True)


def test_who_asks(http: httpx2.Client) -> None:
    answer = http.post("/v1/auth", json={"password": "any: there is none"}).json()
    assert answer == {"uuid": "00000000-0000-4000-8000-000000000000", "is_admin": True}


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", f"/v1/voice-beta/agent-{UNKNOWN}/chat/completions", 410),
        ("GET", "/v1/environments", 501),
        ("GET", "/v1/environments/device-1", 501),
        ("POST", "/v1/environments/connection-1/messages", 501),
    ],
)
def test_what_belongs_to_the_hosted_product_is_refused(
    http: httpx2.Client, method: str, path: str, status: int
) -> None:
    answer = http.request(method, path, json={} if method == "POST" else None)
    assert answer.status_code == status
    assert len(answer.json()["detail"]) > 40


SOURCE = '''def brew(tea: str) -> str:
    """Brew tea.

    Args:
        tea: which tea
    """
    return tea
'''


def ask_for_tool(http: httpx2.Client, prompt: str, **fields: Any) -> httpx2.Response:
    body = {"tool_name": "brew", "prompt": prompt, "handle": MODEL, "validation_errors": []} | fields
    return http.post("/v1/tools/generate-tool", json=body)


def test_a_model_writes_a_tool(http: httpx2.Client, model: ScriptedModel) -> None:
    written = {"source_code": SOURCE, "sample_args": '{"tea": "green"}', "explanation": "It brews."}
    script = model.script(Reply(calls=[Call("write_tool", written)]))
    answer = ask_for_tool(http, script.say("Brew tea."), starter_code="def brew(): ...", validation_errors=["No docs."])
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["tool"]["source_code"], told["sample_args"], told["response"]) == (
        SOURCE,
        {"tea": "green"},
        "It brews.",
    )
    assert told["tool"]["json_schema"]["parameters"]["required"] == ["tea"]
    asked = str(script.requests[0].body["messages"])
    assert "def brew(): ..." in asked
    assert "No docs." in asked
    assert http.get("/v1/tools", params={"name": "brew"}).json() == [], "nothing is stored"


def test_a_source_in_plain_text_is_taken(http: httpx2.Client, model: ScriptedModel) -> None:
    script = model.script(Reply(f"Here it is:\n```python\n{SOURCE}```\nEnjoy!"))
    assert ask_for_tool(http, script.say()).json()["tool"]["source_code"] == SOURCE


def test_what_can_be_no_tool_is_told(http: httpx2.Client, model: ScriptedModel) -> None:
    useless = model.script(Reply("I'd rather not."))
    refused = ask_for_tool(http, useless.say())
    assert (refused.status_code, "prompt" in refused.json()["detail"]) == (400, True)
    assert len(useless.requests) == 2, "it may correct itself once"
    assert ask_for_tool(http, "x", handle="nope/none").status_code == 404
    assert ask_for_tool(http, "x", handle=None).status_code == 400
    assert ask_for_tool(http, "x", tool_name="not a name").status_code == 400
