"""Whatever field takes an address: none leads into the server's own network, however it is written."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.http_server import Answer, Answering, Request, moved
from tests.support.servers import server_with
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]

ROOT = Path(__file__).resolve().parents[2]
FAKE_NETWORK = Path(__file__).with_name("fake_network")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)
INTERNET = "93.184.216.34"


def page(request: Request) -> Answer:
    """What must never be asked, and in another role the internet: a few paths lead elsewhere."""
    if request.path.startswith("/to/"):
        return moved(request.path.removeprefix("/to/"))
    return Answer(PNG, kind="image/png") if request.path.endswith(".png") else Answer(b"a page")


@pytest.fixture(scope="module")
def trap() -> Iterator[Answering]:
    with Answering(page) as listener:
        yield listener


@pytest.fixture(scope="module")
def internet() -> Iterator[Answering]:
    with Answering(page) as listener:
        yield listener


@pytest.fixture(scope="module")
def networked(
    postgres_uri: str, scripted_model: ScriptedModel, trap: Answering, internet: Answering
) -> Iterator[ServerProcess]:
    """A server in a network where names of this test lead to private addresses, and one address is the internet."""

    names = {
        "public.example": [[INTERNET]],
        "metadata.google.internal": [["169.254.169.254"]],
        "instance-data.ec2.internal": [["169.254.169.254"]],
        "intranet.example": [["10.0.0.5"]],
        "this-machine.example": [["127.0.0.1"]],
        "v6.example": [["::1"]],
        "wrapped.example": [["::ffff:127.0.0.1"]],
        "both.example": [[INTERNET, "127.0.0.1"]],
        "allowed.example": [["127.0.0.1"]],
        **{f"rebinding-{number}.example": [[INTERNET], ["127.0.0.1"]] for number in range(20)},
    }
    with server_with(
        postgres_uri,
        scripted_model,
        LETTA_ALLOW_PRIVATE_URLS="allowed.example",
        FAKE_NETWORK=json.dumps({"names": names, "routes": {INTERNET: internet.port}}),
        PYTHONPATH=os.pathsep.join([str(FAKE_NETWORK), str(ROOT)]),
    ) as server:
        yield server


@pytest.fixture(scope="module")
def talk(networked: ServerProcess) -> Iterator[AgentTalk]:
    with httpx2.Client(base_url=networked.url, timeout=60, trust_env=False) as http:
        yield AgentTalk(http, tools=["fetch_webpage"])


def picture(url: str) -> list[Json]:
    return [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": url}}]}]


Sender = Callable[[AgentTalk, ScriptedModel, str], httpx2.Response]


def post(path: str, **more: Any) -> Sender:
    def send(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
        place = path.format(agent=talk.id)
        return talk.http.post(place, json={"messages": picture(url)} | more)

    return send


def callback(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    return talk.http.post(f"{talk.path}/async", json={"input": "Hello.", "callback_url": url})


def scheduled_callback(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    yearly = {"type": "recurring", "cron_expression": "0 0 29 2 *"}
    body = {"messages": [{"role": "user", "content": "x"}], "schedule": yearly, "callback_url": url}
    return talk.http.post(f"/v1/agents/{talk.id}/schedule", json=body)


def batch_callback(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    asked = {"agent_id": talk.id, "input": "Hello."}
    return talk.http.post("/v1/messages/batches", json={"requests": [asked], "callback_url": url})


def callback_error(talk: AgentTalk, run_id: str) -> str:
    """Why a run's callback could not be delivered, as soon as that is known."""
    return str(until(lambda: talk.run(run_id)["callback_error"]))


def completion(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    content = [{"type": "image_url", "image_url": {"url": url}}]
    return talk.http.post(
        "/v1/chat/completions", json={"model": talk.id, "messages": [{"role": "user", "content": content}]}
    )


def openai_response(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    content = [{"type": "input_image", "image_url": url}]
    return talk.http.post("/v1/responses", json={"model": talk.id, "input": [{"role": "user", "content": content}]})


def mcp(kind: str) -> Sender:
    """Registering an MCP server, under a name of its own."""

    def send(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
        config = {"mcp_server_type": kind, "server_url": url}
        return talk.http.post("/v1/mcp-servers", json={"server_name": uuid.uuid4().hex, "config": config})

    return send


def moved_mcp(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    """Giving a registered one, which is there no longer, another address."""
    made = mcp("streamable_http")(talk, model, "http://unknown.invalid/mcp").json()
    config = {"mcp_server_type": "streamable_http", "server_url": url}
    answer = talk.http.patch(f"/v1/mcp-servers/{made['id']}", json={"config": config})
    if answer.status_code == 200:
        assert talk.http.patch(f"/v1/mcp-servers/{made['id']}/refresh").status_code in {408, 502}
    return answer


def older_mcp(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    config = {"server_name": uuid.uuid4().hex, "type": "sse", "server_url": url}
    return talk.http.put("/v1/tools/mcp/servers", json=config)


def older_moved_mcp(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    made = mcp("streamable_http")(talk, model, "http://unknown.invalid/mcp").json()
    return talk.http.patch(f"/v1/tools/mcp/servers/{made['server_name']}", json={"server_url": url})


def webhook(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    return talk.http.post("/v1/webhooks", json={"url": url, "enabled": False})


def moved_webhook(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    made = talk.http.post("/v1/webhooks", json={"url": "http://nowhere.invalid/told", "enabled": False})
    try:
        return talk.http.patch(f"/v1/webhooks/{made.raise_for_status().json()['id']}", json={"url": url})
    finally:
        talk.http.delete(f"/v1/webhooks/{made.json()['id']}")


def provider(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    """Adding a provider of models, under a name of its own."""
    body = {"name": uuid.uuid4().hex, "provider_type": "openai", "api_key": "k-secret", "base_url": url}
    return talk.http.post("/v1/providers", json=body)


def moved_provider(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    made = provider(talk, model, "http://unknown.invalid/v1").json()
    return talk.http.patch(f"/v1/providers/{made['id']}", json={"api_key": "k-secret", "base_url": url})


def tried_provider(talk: AgentTalk, model: ScriptedModel, url: str) -> httpx2.Response:
    return talk.http.post("/v1/providers/check", json={"provider_type": "vllm", "api_key": "k", "base_url": url})


REFUSED_BY_STATUS: dict[str, Sender] = {
    "image of a message": post("/v1/agents/{agent}/messages"),
    "image, streamed": post("/v1/agents/{agent}/messages/stream"),
    "image, in the background": post("/v1/agents/{agent}/messages/async"),
    "image, in a conversation": post("/v1/conversations/{agent}/messages"),
    "image of a chat completion": completion,
    "image of a response": openai_response,
    "callback_url": callback,
    "webhook": webhook,
    "webhook, moved": moved_webhook,
    "callback_url, later": scheduled_callback,
    "callback_url, of a batch": batch_callback,
    "MCP server": mcp("streamable_http"),
    "MCP server, moved": moved_mcp,
    "MCP server, older form": older_mcp,
    "MCP server, older form, moved": older_moved_mcp,
    "provider": provider,
    "provider, moved": moved_provider,
    "provider, tried": tried_provider,
}
"""Each field that takes an address which the server will ask. Where a new one is made, it comes here."""

LOOKED_AFTER = {
    ("CreateBatch", "callback_url"),
    ("CreateSchedule", "callback_url"),
    ("ImageSource", "url"),
    ("CreateWebhook", "url"),
    ("LettaAsyncRequest", "callback_url"),
    ("ProviderCheck", "base_url"),
    ("ProviderCreate", "base_url"),
    ("ProviderUpdate", "base_url"),
    ("SSEMCPConfig", "server_url"),
    ("SSEServerConfig", "server_url"),
    ("StreamableHTTPMCPConfig", "server_url"),
    ("StreamableHTTPServerConfig", "server_url"),
    ("UpdateServerConfig", "server_url"),
    ("UpdateWebhook", "url"),
}
"""Fields of requests above, by schema."""
NEVER_ASKED = {
    ("EmbeddingConfig", "embedding_endpoint"),
    ("EmbeddingConfig", "azure_endpoint"),
    ("LLMConfig", "model_endpoint"),
    ("Skill", "source_url"),
}
"""Fields of requests that are kept or ignored; see the last tests."""
ONLY_IN_ANSWERS = {
    "JobResponse",
    "CreatedWebhook",
    "WebhookResponse",
    "ProviderResponse",
    "ModelResponse",
    "EmbeddingModelResponse",
    "MessageToSend",
    "Step",
    "Run",
    "SSEMCPServer",
    "StreamableHTTPMCPServer",
}

PRIVATE = [
    "http://127.0.0.1:{trap}/a.png",
    "http://127.255.255.254:{trap}/a.png",
    "http://localhost:{trap}/a.png",
    "http://LOCALHOST:{trap}/a.png",
    "http://localhost.:{trap}/a.png",
    "http://[::1]:{trap}/a.png",
    "http://[::ffff:127.0.0.1]:{trap}/a.png",
    "http://[::ffff:7f00:1]:{trap}/a.png",
    "http://[0:0:0:0:0:ffff:7f00:0001]:{trap}/a.png",
    "http://[64:ff9b::7f00:1]:{trap}/a.png",
    "http://[2002:7f00:1::]:{trap}/a.png",
    "http://[fe80::1]/a.png",
    "http://[fd00:ec2::254]/a.png",
    "http://2130706433:{trap}/a.png",
    "http://0x7f000001:{trap}/a.png",
    "http://0x7f.0.0.1:{trap}/a.png",
    "http://017700000001:{trap}/a.png",
    "http://0177.0.0.1:{trap}/a.png",
    "http://127.1:{trap}/a.png",
    "http://0:{trap}/a.png",
    "http://0.0.0.0:{trap}/a.png",
    "http://127。0。0。1:{trap}/a.png",
    "http://①②⑦.⓪.⓪.①:{trap}/a.png",
    "http://%31%32%37.0.0.1:{trap}/a.png",
    "http://10.0.0.8/a.png",
    "http://172.16.3.4/a.png",
    "http://192.168.1.1/a.png",
    "http://100.64.0.1/a.png",
    "http://100.100.100.200/latest/meta-data",
    "http://169.254.169.254/latest/meta-data",
    "https://169.254.169.254/latest/meta-data",
    "http://192.0.0.192/opc/v1/instance",
    "http://224.0.0.1/a.png",
    "http://255.255.255.255/a.png",
    "http://metadata.google.internal/computeMetadata/v1",
    "http://instance-data.ec2.internal/a.png",
    "http://intranet.example/a.png",
    "http://this-machine.example:{trap}/a.png",
    "http://v6.example:{trap}/a.png",
    "http://wrapped.example:{trap}/a.png",
    "http://both.example:{trap}/a.png",
    "http://public.example@127.0.0.1:{trap}/a.png",
    "http://allowed.example@127.0.0.1:{trap}/a.png",
    "http://allowed.example:x@127.0.0.1:{trap}/a.png",
    "http://127.0.0.1:{trap}/?@allowed.example/a.png",
    "http://127.0.0.1:{trap}#@allowed.example/a.png",
    "http://127.0.0.1:{trap}\\@allowed.example/a.png",
    "http://allowed.example.this-machine.example:{trap}@127.0.0.1/a.png",
]
NO_WEB_ADDRESSES = [
    "ftp://public.example/a.png",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{trap}/_GET",
    "unix:///var/run/docker.sock",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/info",
    "javascript:alert(1)",
    "//127.0.0.1:{trap}/a.png",
    "127.0.0.1:{trap}/a.png",
    "http:///a.png",
    "http://",
    " http://127.0.0.1:{trap}/a.png",
    "http://127.0.0.1:{trap}\r\nHost: x/a.png",
    "http://[::1",
    "http://127.0.0.1:99999999/a.png",
]


@pytest.mark.parametrize("url", [*PRIVATE, *NO_WEB_ADDRESSES])
@pytest.mark.parametrize("field", REFUSED_BY_STATUS)
def test_no_address_leads_into_the_servers_network(
    talk: AgentTalk, model: ScriptedModel, trap: Answering, field: str, url: str
) -> None:
    before = list(trap.asked)
    answer = REFUSED_BY_STATUS[field](talk, model, url.format(trap=trap.port))
    if field == "callback_url" and answer.status_code == 200:  # nobody knows the name now; it is looked up when called
        assert callback_error(talk, answer.json()["id"])
        assert trap.asked == before
        return
    ours = ("MCP", "callback_url,", "webhook", "provider")
    if field.startswith(ours) and answer.status_code in {200, 502}:  # as above; it is stored, and wasn't asked
        assert trap.asked == before
        return
    assert answer.status_code in {400, 422}, answer.text
    detail = answer.json()["detail"]
    assert "address" in detail or "URL" in detail or "host" in detail, detail
    assert trap.asked == before
    # Batches that were taken before, with names that nobody knows yet, may be running.
    assert field == "callback_url, of a batch" or model.requests(path="/chat/completions") == []


@pytest.mark.parametrize("url", [*PRIVATE[:3], "http://metadata.google.internal/", "http://both.example:{trap}/"])
def test_a_page_that_a_model_names_is_not_read_from_the_servers_network(
    talk: AgentTalk, model: ScriptedModel, trap: Answering, url: str
) -> None:
    before = list(trap.asked)
    calls = [Call("fetch_webpage", {"url": url.format(trap=trap.port)})]
    said = talk.say(model.script(Reply(calls=calls), Reply("I couldn't.")).say())["messages"]
    (returned,) = [message for message in said if message["message_type"] == "tool_return_message"]
    assert returned["status"] == "error"
    assert "LETTA_ALLOW_PRIVATE_URLS" in returned["tool_return"]
    assert trap.asked == before


def test_where_images_are_not_fetched_at_all(talk: AgentTalk, model: ScriptedModel, trap: Answering) -> None:
    before = list(trap.asked)
    send = post("/v1/agents/{agent}/messages/preview-raw-payload")
    assert send(talk, model, f"http://127.0.0.1:{trap.port}/a.png").status_code == 200
    assert trap.asked == before


@pytest.mark.parametrize(
    "place", ["http://127.0.0.1:{trap}/a.png", "http://169.254.169.254/a.png", "//127.0.0.1:{trap}/a.png", "file:///x"]
)
def test_a_public_address_that_leads_on_into_the_servers_network(
    talk: AgentTalk, model: ScriptedModel, trap: Answering, internet: Answering, place: str
) -> None:
    before = list(trap.asked)
    url = f"http://public.example/to/{place.format(trap=trap.port)}"
    answer = talk.http.post(talk.path, json={"messages": picture(url)})
    assert answer.status_code == 400, answer.text
    assert internet.asked, "the first address was public, and was asked"
    assert trap.asked == before


def test_a_name_that_changes_its_address_between_check_and_request(
    talk: AgentTalk, model: ScriptedModel, trap: Answering, internet: Answering
) -> None:
    """The address that was checked is the one that is asked (CVE-2026-4964 has a variant with such names)."""
    before, already = list(trap.asked), len(internet.asked)
    for number in range(5):
        url = f"http://rebinding-{number}.example:{trap.port}/a.png"
        assert talk.http.post(talk.path, json={"messages": picture(url)}).status_code == 200
    assert len(internet.asked) - already == 5
    assert trap.asked == before


def test_a_callback_whose_name_changes_its_address_before_it_is_called(
    talk: AgentTalk, model: ScriptedModel, trap: Answering
) -> None:
    before = list(trap.asked)
    started = callback(talk, model, f"http://rebinding-10.example:{trap.port}/told")
    assert started.status_code == 200, started.text
    assert "private network" in callback_error(talk, started.json()["id"])
    assert trap.asked == before


@pytest.mark.parametrize("kind", ["streamable_http", "sse"])
def test_an_mcp_server_that_leads_on_into_the_servers_network(
    talk: AgentTalk, model: ScriptedModel, trap: Answering, internet: Answering, kind: str
) -> None:
    before, already = list(trap.asked), len(internet.asked)
    assert mcp(kind)(talk, model, f"http://public.example/to/http://127.0.0.1:{trap.port}/mcp").status_code == 200
    assert len(internet.asked) > already
    number = 11 if kind == "sse" else 12
    assert mcp(kind)(talk, model, f"http://rebinding-{number}.example:{trap.port}/mcp").status_code == 200
    assert trap.asked == before


def test_hosts_of_the_setting_may_be_asked(talk: AgentTalk, model: ScriptedModel, trap: Answering) -> None:
    url = f"http://allowed.example:{trap.port}"
    assert talk.http.post(talk.path, json={"messages": picture(f"{url}/a.png")}).status_code == 200
    assert callback(talk, model, f"{url}/told").status_code == 200
    until(lambda: "/told" in trap.paths)
    calls = [Call("fetch_webpage", {"url": f"{url}/page"})]
    said = talk.say(model.script(Reply(calls=calls), Reply("Read.")).say())["messages"]
    assert "a page" in str(said)


def test_public_addresses_may_be_asked(talk: AgentTalk, model: ScriptedModel, internet: Answering) -> None:
    assert talk.http.post(talk.path, json={"messages": picture("http://public.example/b.png")}).status_code == 200
    assert "/b.png" in internet.paths


class TestEndpointsOfModels:
    """The former server asked whatever `model_endpoint` an agent named. Here providers are the operator's choice."""

    def test_an_agent_cannot_send_the_servers_key_elsewhere(
        self, talk: AgentTalk, model: ScriptedModel, trap: Answering
    ) -> None:
        endpoint = f"http://127.0.0.1:{trap.port}/v1"
        config = {
            "model": "gpt-4o-mini",
            "model_endpoint_type": "openai",
            "model_endpoint": endpoint,
            "context_window": 8000,
            "handle": "openai-proxy/gpt-4o-mini",
        }
        embedding = {
            "embedding_model": "text-embedding-3-small",
            "embedding_endpoint_type": "openai",
            "embedding_endpoint": endpoint,
            "embedding_dim": 3,
        }
        before = list(trap.asked)
        made = talk.http.post("/v1/agents", json={"llm_config": config, "embedding_config": embedding})
        if made.status_code == 200:
            agent = AgentTalk.of(talk.http, made.json()["id"])
            agent.post({"input": "Hello."})
            talk.http.post(f"/v1/agents/{agent.id}/archival-memory", json={"text": "a"})
            talk.http.get(f"/v1/agents/{agent.id}/archival-memory/search", params={"query": "a"})
        changed = talk.http.patch(f"/v1/agents/{talk.id}", json={"llm_config": config})
        assert changed.status_code in {200, 400, 422}
        talk.say("Hello again.")
        talk.http.post("/v1/archives", json={"name": "A", "embedding_config": embedding})
        talk.http.post("/v1/folders", json={"name": "F", "embedding_config": embedding})
        time.sleep(0.5)
        assert trap.asked == before

    def test_nor_can_an_imported_file(self, talk: AgentTalk, model: ScriptedModel, trap: Answering) -> None:
        before = list(trap.asked)
        exported = talk.http.get(f"/v1/agents/{talk.id}/export").json()
        exported["agents"][0]["llm_config"]["model_endpoint"] = f"http://127.0.0.1:{trap.port}/v1"
        exported["agents"][0]["messages"].append(
            {"id": "message-999", "role": "user"} | picture(f"http://127.0.0.1:{trap.port}/a.png")[0]
        )
        file = {"file": ("agent.af", json.dumps(exported).encode(), "application/json")}
        imported = talk.http.post("/v1/agents/import", files=file)
        for agent_id in imported.json().get("agent_ids", []):
            AgentTalk.of(talk.http, agent_id).post({"input": "Hello."})
        assert trap.asked == before


def test_every_field_that_takes_an_address_is_looked_after(talk: AgentTalk) -> None:
    schemas = talk.http.get("/openapi.json").json()["components"]["schemas"]
    marks = ("url", "uri", "endpoint")
    found = {
        (schema, name)
        for schema, described in schemas.items()
        for name in described.get("properties", {})
        if schema not in ONLY_IN_ANSWERS and any(name == mark or name.endswith(f"_{mark}") for mark in marks)
    }
    assert found == LOOKED_AFTER | NEVER_ASKED
