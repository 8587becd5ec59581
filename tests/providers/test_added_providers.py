"""Providers that are added while the server runs, with keys of their own."""

import json
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx2
import psycopg2
import pytest
from letta_client import APIStatusError, Letta

from letta.testing.model.recorder import fingerprint
from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import server_with
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]
KEY = "sk-byok-1234567890"


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with server_with(postgres_uri, scripted_model, LETTA_ALLOW_PRIVATE_URLS="127.0.0.1") as running:
        yield running


@pytest.fixture(scope="module")
def another(server: ServerProcess) -> Iterator[ServerProcess]:
    """Another instance with the same database."""
    with ServerProcess(server.environment) as running:
        yield running


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=server.url, timeout=30, trust_env=False) as opened:
        yield opened
        for each in opened.get("/v1/providers").json():
            opened.delete(f"/v1/providers/{each['id']}")


@pytest.fixture
def name() -> str:
    return f"mine-{uuid.uuid4().hex[:8]}"


def add(http: httpx2.Client, name: str, url: str, kind: str = "openai", **more: Any) -> Json:
    body = {"name": name, "provider_type": kind, "api_key": KEY, "base_url": url} | more
    made = http.post("/v1/providers", json=body)
    assert made.status_code == 200, made.text
    added: Json = made.json()
    return added


def handles(http: httpx2.Client, **query: str) -> list[str]:
    return [model["handle"] for model in http.get("/v1/models", params=query).json()]


def test_all_that_is_done_with_a_provider(
    server: ServerProcess, http: httpx2.Client, model: ScriptedModel, name: str
) -> None:
    added = add(http, name, model.base_url)
    place = f"/v1/providers/{added['id']}"
    assert added["id"].startswith("provider-")
    assert added | {"id": "", "organization_id": "", "updated_at": "", "last_synced": ""} == {
        "id": "",
        "name": name,
        "provider_type": "openai",
        "provider_category": "byok",
        "api_key": None,
        "base_url": model.base_url,
        "access_key": None,
        "region": None,
        "api_version": None,
        "organization_id": "",
        "updated_at": "",
        "last_synced": "",
        "api_key_enc": "[secret]",
        "access_key_enc": None,
    }
    assert http.get(place).json()["last_synced"] is not None
    assert [each["id"] for each in http.get("/v1/providers", params={"name": name}).json()] == [added["id"]]
    assert http.get("/v1/providers", params={"name": "other"}).json() == []
    assert http.get("/v1/providers", params={"provider_type": "groq"}).json() == []
    assert http.post(f"{place}/check").json() == {"message": "Valid api key for provider_type=openai"}
    assert http.patch(f"{place}/refresh").json()["last_synced"] > http.get(place).json()["updated_at"]
    changed = http.patch(place, json={"api_key": "bad-key"})
    assert (changed.status_code, changed.json()["base_url"]) == (200, model.base_url)
    refused = http.post(f"{place}/check")
    assert (refused.status_code, refused.json()["error"]["type"]) == (401, "llm_authentication")
    assert "bad-key" not in refused.text
    assert http.patch(f"{place}/refresh").status_code == 401
    assert http.delete(place).json() == {"message": f"Provider id={added['id']} successfully deleted"}
    assert http.get(place).status_code == http.delete(place).status_code == http.post(f"{place}/check").status_code
    assert http.get(place).status_code == 404
    assert KEY not in server.log


def test_keys_are_encrypted_and_kept_by_the_mask(
    server: ServerProcess, http: httpx2.Client, model: ScriptedModel, name: str
) -> None:
    added = add(http, name, model.base_url, access_key="access-1234567")
    place = f"/v1/providers/{added['id']}"
    schema = server.environment["LETTA_PG_SCHEMA"]
    with closing(psycopg2.connect(server.environment["LETTA_PG_URI"])) as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT api_key, access_key FROM {schema}.providers WHERE id = %s", (added["id"],))
        assert all(value.startswith("v1:") for value in cursor.fetchone() or ("",))
    assert http.patch(place, json={"api_key": "[secret]", "base_url": f"{model.base_url}/"}).status_code == 200
    assert http.post(f"{place}/check").status_code == 200
    assert model.requests(path="/models")[-1].used_key(KEY)
    moved = http.patch(place, json={"api_key": "[secret]", "base_url": "http://127.0.0.1:9/v1"})
    assert moved.status_code == 400, "a stored key is not sent to another place"
    assert http.patch(place, json={"base_url": model.base_url}).status_code == 422


@pytest.mark.parametrize("kind", ["openai", "anthropic", "google_ai", "vllm"])
def test_an_agent_uses_a_model_by_its_handle_from_any_process(
    http: httpx2.Client, another: ServerProcess, model: ScriptedModel, name: str, kind: str
) -> None:
    url = {"anthropic": model.anthropic_url, "google_ai": model.google_url}.get(kind, model.base_url)
    add(http, name, url, kind)
    chosen = handles(http, provider_name=name)[0]
    assert chosen.startswith(f"{name}/")
    assert handles(http, provider_category="byok") == handles(http, provider_name=name)
    assert chosen not in handles(http, provider_category="base")
    with httpx2.Client(base_url=another.url, timeout=30, trust_env=False) as elsewhere:
        for there in (http, elsewhere):
            talk = AgentTalk(there, model=chosen)
            script = model.script(Reply("From my own key."))
            assert talk.say(script.say())["messages"][-1]["content"] == "From my own key."
            assert script.requests[0].used_key(KEY)
            assert talk.retrieve()["llm_config"]["provider_category"] == "byok"


def test_a_new_key_counts_at_once_and_everywhere(
    http: httpx2.Client, another: ServerProcess, model: ScriptedModel, name: str
) -> None:
    added = add(http, name, model.base_url)
    with httpx2.Client(base_url=another.url, timeout=30, trust_env=False) as elsewhere:
        talk = AgentTalk(elsewhere, model=f"{name}/gpt-4o-mini")
        talk.say(model.script(Reply("One.")).say())
        http.patch(f"/v1/providers/{added['id']}", json={"api_key": "sk-the-next-one"}).raise_for_status()
        script = model.script(Reply("Two."))
        talk.say(script.say())
        assert script.requests[0].used_key("sk-the-next-one")
        http.delete(f"/v1/providers/{added['id']}").raise_for_status()
        failed = elsewhere.post(f"{talk.path}", json={"input": "Hello?"})
        assert (failed.status_code, name in failed.text) == (404, True)


def test_a_conversation_and_a_request_may_name_such_a_model(
    http: httpx2.Client, model: ScriptedModel, name: str
) -> None:
    add(http, name, model.base_url)
    talk = AgentTalk(http)
    script = model.script(Reply("Once."))
    talk.say(script.say(), override_model=f"{name}/gpt-4o")
    assert script.requests[0].used_key(KEY)
    asked = {"prompt": "Say it.", "override_model": f"{name}/gpt-4o"}
    assert http.post(f"/v1/agents/{talk.id}/generate", json=asked).status_code == 200
    made = http.post("/v1/conversations", params={"agent_id": talk.id}, json={"model": f"{name}/gpt-4o"})
    assert made.status_code == 200, made.text
    script = model.script(Reply("Here."))
    http.post(f"/v1/conversations/{made.json()['id']}/messages", json={"input": script.say(), "streaming": False})
    assert script.requests[0].used_key(KEY)
    plain = model.script(Reply("Plain."))
    talk.say(plain.say())
    assert plain.requests[0].used_key("sk-scripted")


def test_texts_are_embedded_with_such_a_model(http: httpx2.Client, model: ScriptedModel, name: str) -> None:
    add(http, name, model.base_url)
    found = {each["handle"]: each for each in http.get("/v1/models/embedding").json()}
    chosen = f"{name}/text-embedding-3-small"
    assert found[chosen]["provider_name"] == name
    archive = http.post("/v1/archives", json={"name": name, "embedding": chosen}).json()["id"]
    stored = http.post(f"/v1/archives/{archive}/passages", json={"text": "Green tea."})
    assert stored.status_code == 200, stored.text
    assert model.requests(path="/embeddings")[-1].used_key(KEY)


def test_who_can_not_be_reached_is_asked_again_when_a_model_is_named(http: httpx2.Client, name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as place:
        port = place.getsockname()[1]
    added = add(http, name, f"http://127.0.0.1:{port}/v1")
    assert added["last_synced"] is None
    assert handles(http, provider_name=name) == []
    refreshed = http.patch(f"/v1/providers/{added['id']}/refresh")
    assert (refreshed.status_code, "can't be reached" in refreshed.text) == (502, True)
    with ScriptedModel(port=port):
        assert AgentTalk(http, model=f"{name}/gpt-4o-mini").id
    assert f"{name}/gpt-4o-mini" in handles(http, provider_name=name)


@pytest.mark.parametrize(
    ("fields", "status", "told"),
    [
        ({"name": "openai"}, 400, "environment variables"),
        ({"name": "groq"}, 400, "environment variables"),
        ({"name": "openai-proxy"}, 400, "environment variables"),
        ({"name": "a/b"}, 422, "name"),
        ({"name": ""}, 422, "name"),
        ({"provider_type": "nope"}, 422, "provider_type"),
        ({"provider_type": "bedrock"}, 400, "is not supported"),
        ({"provider_type": "vllm", "base_url": None}, 400, "base_url is missing"),
        ({"base_url": "http://10.0.0.1/v1"}, 422, "LETTA_ALLOW_PRIVATE_URLS"),
        ({"base_url": "http://localhost:1/v1"}, 422, "LETTA_ALLOW_PRIVATE_URLS"),
        ({"base_url": "ftp://example.com"}, 422, "base_url"),
        ({"base_url": "http://user:pass@127.0.0.1/v1"}, 422, "api_key"),
        ({"api_key": "[secret]"}, 400, "placeholder"),
        ({"api_key": "sk-first\nsecond"}, 422, "api_key: Value error, it contains a line break"),
        ({"api_key": "sk-schlüssel"}, 422, "api_key"),
        ({"access_key": "a\rb"}, 422, "access_key"),
    ],
)
def test_what_is_refused(http: httpx2.Client, name: str, fields: Json, status: int, told: str) -> None:
    body = {"name": name, "provider_type": "openai", "api_key": KEY, "base_url": "http://127.0.0.1:9/v1"} | fields
    refused = http.post("/v1/providers", json=body)
    assert refused.status_code == status, refused.text
    assert told in json.dumps(refused.json()["detail"])
    assert "second" not in refused.text
    if "name" not in fields and fields.get("api_key") is None:
        del body["name"]
        assert http.post("/v1/providers/check", json=body).status_code == status
    assert http.get("/v1/providers").json() == []


def test_what_was_copied_along_with_a_key_is_left_out(http: httpx2.Client, model: ScriptedModel, name: str) -> None:
    added = add(http, name, model.base_url, api_key=f"  {KEY}\n")
    assert http.post(f"/v1/providers/{added['id']}/check").status_code == 200
    assert model.requests()[-1].used_key(KEY)


def test_an_agent_whose_provider_is_gone_says_so(http: httpx2.Client, model: ScriptedModel, name: str) -> None:
    added = add(http, name, model.base_url)
    talk = AgentTalk(http, model=f"{name}/gpt-4o-mini")
    http.delete(f"/v1/providers/{added['id']}").raise_for_status()
    told = talk.refused(404, input="Hello.")["detail"]
    assert f"'{name}' is not configured. Add it with POST /v1/providers, or choose" in told
    http.patch(f"/v1/agents/{talk.id}", json={"model": "openai-proxy/gpt-4o-mini"}).raise_for_status()
    assert talk.say("Hello.")["stop_reason"]["stop_reason"] == "end_turn"


def test_names_are_unique(http: httpx2.Client, model: ScriptedModel, name: str) -> None:
    add(http, name, model.base_url)
    body = {"name": name, "provider_type": "openai", "api_key": KEY, "base_url": model.base_url}
    assert http.post("/v1/providers", json=body).status_code == 409


def test_keys_are_tried_before_they_are_stored(http: httpx2.Client, model: ScriptedModel) -> None:
    body = {"provider_type": "openai", "api_key": KEY, "base_url": model.base_url}
    assert http.post("/v1/providers/check", json=body).json() == {"message": "Valid api key for provider_type=openai"}
    refused = http.post("/v1/providers/check", json=body | {"api_key": "bad-key-of-mine"})
    assert (refused.status_code, "bad-key-of-mine" in refused.text) == (401, False)
    nobody = http.post("/v1/providers/check", json=body | {"base_url": "http://127.0.0.1:9/v1"})
    assert nobody.status_code == 502


def test_where_a_host_leads_inwards_later_nothing_is_sent(server: ServerProcess, model: ScriptedModel) -> None:
    """What was allowed when it was stored is looked at again whenever it is asked."""
    elsewhere = {"LETTA_ALLOW_PRIVATE_URLS": "", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    with ServerProcess(server.environment | elsewhere) as strict:
        name = f"mine-{uuid.uuid4().hex[:8]}"
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as lenient:
            add(lenient, name, model.base_url)
        with httpx2.Client(base_url=strict.url, trust_env=False, timeout=60) as http:
            talk = AgentTalk(http, model=f"{name}/gpt-4o-mini")
            model.reset()
            failed = http.post(talk.path, json={"input": "Hello?"})
            assert failed.status_code == 502
            assert "LETTA_ALLOW_PRIVATE_URLS" in failed.text
            assert model.requests() == []


def test_the_official_client_lists_their_models(client: Letta, http: httpx2.Client, model: ScriptedModel) -> None:
    add(http, "of-client", model.base_url)
    found = client.models.list(provider_category=["byok"])
    assert {each.handle for each in found} >= {"of-client/gpt-4o-mini"}
    with pytest.raises(APIStatusError):
        client.agents.create(model="of-nobody/gpt-4o-mini")


def test_the_address_of_a_configured_provider_may_be_asked(
    server: ServerProcess, model: ScriptedModel, name: str
) -> None:
    """It is asked anyway: with a key of one's own it leads no further inwards."""
    with (
        ServerProcess(server.environment | {"LETTA_ALLOW_PRIVATE_URLS": ""}) as strict,
        httpx2.Client(base_url=strict.url, trust_env=False, timeout=60) as http,
    ):
        place = f"/v1/providers/{add(http, name, f'{model.base_url}/')['id']}"
        script = model.script(Reply("From my own account."))
        answer = AgentTalk(http, model=f"{name}/gpt-4o-mini").say(script.say())
        assert answer["messages"][-1]["content"] == "From my own account."
        assert script.requests[0].key_fingerprint == fingerprint(KEY)
        for further in (f"{model.base_url}/further", model.base_url.removesuffix("/v1")):
            refused = http.patch(place, json={"base_url": further, "api_key": KEY})
            assert (refused.status_code, "LETTA_ALLOW_PRIVATE_URLS" in refused.text) == (422, True)
        http.delete(place).raise_for_status()
