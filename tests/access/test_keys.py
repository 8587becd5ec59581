"""Keys of programs, from their making to their end."""

import hashlib
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psycopg2
import pytest
from letta_client import Letta

from letta.testing.postgres import throwaway_schema
from letta.testing.postgres_wire import PostgresWire
from letta.testing.server import ServerProcess
from tests.access.conftest import PASSWORD, Json, Open

pytestmark = pytest.mark.slow

MakeKey = Callable[..., str]
MakeAgent = Callable[..., str]


def soon(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat()


def test_the_official_client_works_with_a_key(guarded: ServerProcess, key: MakeKey) -> None:
    with guarded.client(api_key=key("write")) as client:
        assert isinstance(client, Letta)
        agent = client.agents.create(model="openai-proxy/gpt-4o-mini")
        assert client.agents.messages.create(agent.id, input="Hello.").messages
        assert agent.id in [each.id for each in client.agents.list()]
        client.health()


def test_a_key_is_shown_once_and_never_stored(guarded: ServerProcess, postgres_uri: str, owner: httpx2.Client) -> None:
    made = owner.post("/v1/api-keys", json={"name": "once", "scopes": ["read"]}).json()
    key = made.pop("key")
    assert key.startswith("letta_sk_")
    assert len(key) >= len("letta_sk_") + 43
    assert made.pop("last_used_at") is None
    shown = owner.get(f"/v1/api-keys/{made['id']}").json()
    assert key not in str(shown)
    assert {name: shown[name] for name in made} == made
    listed = owner.get("/v1/api-keys/").json()
    assert made["id"] in [each["id"] for each in listed]
    assert key not in str(listed)
    with closing(psycopg2.connect(postgres_uri)) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT token_digest FROM {guarded.environment['LETTA_PG_SCHEMA']}.api_keys WHERE id = %s", (made["id"],)
        )
        assert cursor.fetchall() == [(hashlib.sha256(key.encode()).hexdigest(),)]
    assert key not in guarded.log


def test_a_revoked_key_is_void_at_once(owner: httpx2.Client, opened: Open) -> None:
    made = owner.post("/v1/api-keys", json={"name": "short", "scopes": ["read"]}).json()
    program = opened(made["key"])
    assert program.get("/v1/agents").status_code == 200
    assert owner.delete(f"/v1/api-keys/{made['id']}").status_code == 200
    refused = program.get("/v1/agents")
    assert refused.status_code == 401
    assert "revoked" in refused.json()["detail"]
    assert owner.delete(f"/v1/api-keys/{made['id']}").status_code == 404


def test_a_key_acts_for_its_user_whatever_the_header_says(owner: httpx2.Client, opened: Open) -> None:
    organization = owner.post("/v1/admin/orgs", json={"name": "other"}).json()["id"]
    user = owner.post("/v1/admin/users", json={"name": "u", "organization_id": organization}).json()["id"]
    body = {"name": "of the other", "scopes": ["admin"]}
    made = owner.post("/v1/api-keys", json=body, headers={"user_id": user}).json()
    assert made["user_id"] == user
    default = "user-00000000-0000-4000-8000-000000000000"
    program = opened(made["key"], user_id=default)
    program.headers["user_id"] = default
    block = program.post("/v1/blocks", json={"label": "a", "value": "b"}).json()["id"]
    assert owner.get(f"/v1/blocks/{block}").status_code == 404
    assert program.get("/v1/api-keys").json()[0]["id"] == made["id"]
    assert made["id"] not in str(owner.get("/v1/api-keys").json())


def test_keys_of_a_user_end_with_it_and_when_it_moves(owner: httpx2.Client, opened: Open) -> None:
    one, two = (owner.post("/v1/admin/orgs", json={"name": name}).json()["id"] for name in ("one", "two"))
    user = owner.post("/v1/admin/users", json={"name": "u", "organization_id": one}).json()["id"]

    def new_key() -> httpx2.Client:
        body = {"name": "of a user", "scopes": ["read"]}
        program = opened(owner.post("/v1/api-keys", json=body, headers={"user_id": user}).json()["key"])
        assert program.get("/v1/agents").status_code == 200
        return program

    first = new_key()
    owner.put("/v1/admin/users", json={"id": user, "name": "v"}).raise_for_status()
    assert first.get("/v1/agents").status_code == 200, "with another name it is where it was"
    owner.put("/v1/admin/users", json={"id": user, "organization_id": two}).raise_for_status()
    assert first.get("/v1/agents").status_code == 401, "it would open what its user has left"
    second = new_key()
    owner.delete("/v1/admin/users", params={"user_id": user}).raise_for_status()
    assert second.get("/v1/agents").status_code == 401
    user = owner.post("/v1/admin/users", json={"name": "w", "organization_id": one}).json()["id"]
    third = new_key()
    owner.delete("/v1/admin/orgs", params={"org_id": one}).raise_for_status()
    assert third.get("/v1/agents").status_code == 401


def test_an_expired_key_is_refused(
    guarded: ServerProcess, postgres_uri: str, owner: httpx2.Client, opened: Open
) -> None:
    body = {"name": "late", "scopes": ["read"], "expires_at": soon(hours=1)}
    made = owner.post("/v1/api-keys", json=body).json()
    with closing(psycopg2.connect(postgres_uri)) as connection, connection.cursor() as cursor:
        schema = guarded.environment["LETTA_PG_SCHEMA"]
        cursor.execute(f"UPDATE {schema}.api_keys SET expires_at = now() WHERE id = %s", (made["id"],))
        connection.commit()
    refused = opened(made["key"]).get("/v1/agents")
    assert (refused.status_code, "expired" in refused.json()["detail"]) == (401, True)


def test_its_use_is_noted(owner: httpx2.Client, opened: Open) -> None:
    made = owner.post("/v1/api-keys", json={"name": "used", "scopes": ["read"]}).json()
    program = opened(made["key"])
    for _ in range(50):
        program.get("/v1/agents")
        used = owner.get(f"/v1/api-keys/{made['id']}").json()["last_used_at"]
        if used:
            break
    assert used


def test_no_operation_for_whoever_runs_the_server_is_open(key: MakeKey, opened: Open) -> None:
    program = opened(key("admin"))
    assert program.get("/v1/admin/orgs").status_code == 403
    assert program.get("/metrics").status_code == 403
    assert program.get("/openapi.json").status_code == 403
    assert program.get("/v1/no-such-thing").status_code == 404
    assert program.put("/v1/agents").status_code == 405
    assert program.get("/v1/health/").status_code == 200


class TestEscalation:
    """A key can't make a stronger one."""

    @pytest.mark.parametrize("scope", ["read", "write"])
    def test_only_those_that_manage_keys_make_any(self, key: MakeKey, opened: Open, scope: str) -> None:
        program = opened(key(scope))
        answer = program.post("/v1/api-keys", json={"name": "x", "scopes": ["read"]})
        assert (answer.status_code, "admin" in answer.json()["detail"]) == (403, True)
        assert program.get("/v1/api-keys").status_code == 403

    def test_none_that_lasts_longer(self, key: MakeKey, opened: Open) -> None:
        program = opened(key("admin", expires_at=soon(hours=2)))
        for longer in ({}, {"expires_at": soon(hours=3)}):
            answer = program.post("/v1/api-keys", json={"name": "x", "scopes": ["read"]} | longer)
            assert (answer.status_code, "expires_at" in answer.json()["detail"]) == (403, True)
        body = {"name": "x", "scopes": ["admin"], "expires_at": soon(hours=1)}
        assert program.post("/v1/api-keys", json=body).status_code == 200

    def test_none_that_opens_more(self, key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
        agent, other = new_agent(), new_agent()
        program = opened(key("read", agent_ids=[agent]))
        for named, access in ((other, "read_agent"), (agent, "write_agent")):
            policy = [{"type": "agent", "id": named, "access": [access]}]
            answer = program.post("/v1/client-side-access-tokens", json={"hostname": "a.example", "policy": policy})
            assert answer.status_code == 403, answer.text
        policy = [{"type": "agent", "id": agent, "access": ["read_messages", "read_agent"]}]
        made = program.post("/v1/client-side-access-tokens", json={"hostname": "a.example", "policy": policy})
        assert made.status_code == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"name": "x"}, 422, "scopes"),
        ({"name": "x", "scopes": []}, 422, "scopes"),
        ({"name": "", "scopes": ["read"]}, 422, "name"),
        ({"name": "x", "scopes": ["everything"]}, 422, "scopes"),
        ({"name": "x", "scopes": ["read"], "agent_ids": []}, 422, "agent_ids"),
        ({"name": "x", "scopes": ["read"], "agent_ids": ["agent-x"]}, 422, "agent_ids"),
        (
            {"name": "x", "scopes": ["read"], "agent_ids": ["agent-00000000-0000-4000-8000-000000000000"]},
            404,
            "agent-0",
        ),
        ({"name": "x", "scopes": ["admin"], "agent_ids": ["agent-00000000-0000-4000-8000-000000000000"]}, 400, "admin"),
        ({"name": "x", "scopes": ["read"], "expires_at": "2020-01-01T00:00:00Z"}, 400, "expires_at"),
    ],
)
def test_bad_input(owner: httpx2.Client, body: Json, status: int, words: str) -> None:
    answer = owner.post("/v1/api-keys", json=body)
    assert (answer.status_code, words in answer.json()["detail"]) == (status, True), answer.text


def test_secrets_of_agents_are_shown_to_who_manages_keys_only(key: MakeKey, opened: Open, new_agent: MakeAgent) -> None:
    agent = new_agent(secrets={"PIN": "hush-4711"})
    limited = [key("read"), key("write"), key("write", agent_ids=[agent])]
    for each in limited:
        program = opened(each)
        assert program.get(f"/v1/agents/{agent}").status_code == 200
        answers = [program.get(f"/v1/agents/{agent}"), program.get(f"/v1/agents/{agent}/export")]
        answers += [program.patch(f"/v1/agents/{agent}", json={"description": "x"})]
        assert "hush-4711" not in "".join(answer.text for answer in answers)
    assert "hush-4711" in opened(key("admin")).get(f"/v1/agents/{agent}").text


@pytest.fixture
def counted(embedded_uri: str) -> Any:
    with (
        throwaway_schema(embedded_uri) as schema,
        PostgresWire(embedded_uri) as wire,
        ServerProcess(
            {
                "LETTA_PG_URI": wire.uri,
                "LETTA_PG_SCHEMA": schema,
                "LETTA_SERVER_PASSWORD": PASSWORD,
                "LETTA_ENCRYPTION_KEY": "k",
            }
        ) as server,
    ):
        yield wire, server


def test_what_a_key_costs_the_database(counted: Any) -> None:
    """One small query, then none for seconds; requests with the password none at all."""
    wire, server = counted
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http:
        owner = {"authorization": f"Bearer {PASSWORD}"}
        made = http.post("/v1/api-keys", json={"name": "x", "scopes": ["read"]}, headers=owner).json()
        holder = {"authorization": f"Bearer {made['key']}"}

        def on_keys(headers: Json) -> list[str]:
            with wire.measure() as traffic:
                assert http.get("/v1/tags", headers=headers).status_code == 200
            return [each.split()[0] for each in traffic.statements if "api_keys" in each]

        assert on_keys(owner) == []
        assert on_keys(holder)[:1] == ["SELECT"]
        assert [kind for kind in on_keys(holder) if kind == "SELECT"] == []
        assert on_keys(owner) == []
