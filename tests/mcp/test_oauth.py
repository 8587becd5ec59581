"""Signing in to MCP servers by OAuth: a real one that wants it, two servers on one database, a browser in between."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import psycopg2
import pytest

from letta.testing.protected_mcp import protected
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.mcp.test_mcp_servers import run, tools
from tests.support.http_server import Answer, Answering, Request, in_json
from tests.support.servers import server_with

pytestmark = pytest.mark.slow

Json = dict[str, Any]
CALLBACK = "/v1/tools/mcp/oauth/callback"


@pytest.fixture(scope="module")
def server(postgres_uri: str, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    with server_with(
        postgres_uri,
        scripted_model,
        LETTA_ALLOW_PRIVATE_URLS="127.0.0.1",
        LETTA_SERVER_PASSWORD="a password of this test",
    ) as running:
        yield running


@pytest.fixture(scope="module")
def another(server: ServerProcess) -> Iterator[ServerProcess]:
    """Another instance with the same database."""
    with ServerProcess(server.environment) as running:
        yield running


def opened(server: ServerProcess) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {server.environment['LETTA_SERVER_PASSWORD']}"}
    return httpx2.Client(base_url=server.url, headers=headers, timeout=60, trust_env=False)


@pytest.fixture
def http(server: ServerProcess) -> Iterator[httpx2.Client]:
    with opened(server) as client:
        yield client
        for each in client.get("/v1/mcp-servers").json():
            client.delete(f"/v1/mcp-servers/{each['id']}")


@pytest.fixture(scope="module")
def protected_url() -> Iterator[str]:
    with protected("streamable-http") as url:
        yield url


def change(url: str, **what: Any) -> Json:
    """Change what the MCP server does, and see how often it has renewed a token."""
    changed: Json = httpx2.post(str(httpx2.URL(url).join("/test")), json=what, trust_env=False).json()
    return changed


def registered(http: httpx2.Client, name: str, url: str, kind: str = "streamable_http") -> str:
    config = {"mcp_server_type": kind, "server_url": url}
    made = http.post("/v1/mcp-servers", json={"server_name": name, "config": config})
    assert made.status_code == 200, made.text
    return str(made.json()["id"])


class Connecting:
    """A stream of events of a server that is tried."""

    def __init__(self, response: httpx2.Response) -> None:
        self._lines = response.iter_lines()

    def next(self) -> Json:
        event: Json = json.loads(next(line for line in self._lines if line.startswith("data:"))[5:])
        return event

    def until(self, name: str) -> Json:
        while (event := self.next())["event"] != name:
            assert event["event"] != "error", event
        return event


def authorization_url(http: httpx2.Client, server_id: str) -> str:
    """Begin a sign-in, and go away."""
    with http.stream("GET", f"/v1/mcp-servers/connect/{server_id}") as stream:
        return str(Connecting(stream).until("authorization_url")["url"])


def brought_back(url: str) -> str:
    """What the browser of somebody who signs in there asks of us then: path and query."""
    answer = httpx2.get(url, trust_env=False, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    return urlsplit(answer.headers["location"])._replace(scheme="", netloc="").geturl()


def in_browser(server: ServerProcess, path: str) -> httpx2.Response:
    """What a browser, which knows no password, is shown."""
    return httpx2.get(server.url + path, trust_env=False, timeout=60)


def signed_in(http: httpx2.Client, server: ServerProcess, server_id: str) -> None:
    assert in_browser(server, brought_back(authorization_url(http, server_id))).status_code == 200


def query(server: ServerProcess, sql: str) -> list[tuple[Any, ...]]:
    environment = server.environment
    with closing(psycopg2.connect(environment["LETTA_PG_URI"])) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(sql.format(table=f"{environment['LETTA_PG_SCHEMA']}.mcp_oauth"))
        return list(cursor.fetchall()) if cursor.description else []


@pytest.mark.parametrize("kind", ["streamable_http", "sse"])
def test_somebody_signs_in_and_agents_have_the_tools(
    http: httpx2.Client, server: ServerProcess, name: str, kind: str, protected_url: str
) -> None:
    if kind == "sse":
        with protected("sse") as url:
            _sign_in(http, server, name, kind, url)
    else:
        _sign_in(http, server, name, kind, protected_url)


def _sign_in(http: httpx2.Client, server: ServerProcess, name: str, kind: str, url: str) -> None:
    server_id = registered(http, name, url, kind)
    assert tools(http, server_id) == {}, "it tells nothing to strangers"
    with http.stream("GET", f"/v1/mcp-servers/connect/{server_id}") as stream:
        connecting = Connecting(stream)
        told = [connecting.next() for _ in range(4)]
        assert [each["event"] for each in told] == [
            "connection_attempt",
            "oauth_required",
            "authorization_url",
            "waiting_for_auth",
        ]
        asked = parse_qs(urlsplit(told[2]["url"]).query)
        assert asked["redirect_uri"] == [f"{server.url}{CALLBACK}"]
        assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
        assert len(asked["state"][0]) >= 43
        callback = brought_back(told[2]["url"])
        page = in_browser(server, callback)
        assert page.status_code == 200, page.text
        assert f"{name} can be used now" in page.text
        assert [tool["name"] for tool in connecting.until("success")["tools"]] == ["secret_number"]
    assert run(http, server_id, "secret_number")["func_return"] == "42"
    assert in_browser(server, callback).status_code == 404, "it counts once"
    assert run(http, server_id, "secret_number")["func_return"] == "42"
    columns = "access_token, refresh_token, client_secret, code_verifier, state"
    (row,) = query(server, f"SELECT {columns} FROM {{table}} WHERE server_id = '{server_id}'")
    assert all(str(value).startswith("v1:") for value in row[:3])
    assert row[3] is None
    assert asked["state"][0] not in str(row)


def test_any_process_finishes_what_one_has_begun(
    http: httpx2.Client, server: ServerProcess, another: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, name, protected_url)
    first, second = (brought_back(authorization_url(http, server_id)) for _ in range(2))
    server.kill()
    assert in_browser(another, first).status_code == 200
    with opened(another) as elsewhere:
        assert run(elsewhere, server_id, "secret_number")["func_return"] == "42"
    server.start()
    assert in_browser(server, second).status_code == 404, "another attempt was faster"
    assert run(http, server_id, "secret_number")["func_return"] == "42"


def test_a_stream_goes_on_when_another_process_was_asked(
    http: httpx2.Client, another: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, name, protected_url)
    with http.stream("GET", f"/v1/mcp-servers/connect/{server_id}") as stream:
        connecting = Connecting(stream)
        assert in_browser(another, brought_back(connecting.until("authorization_url")["url"])).status_code == 200
        assert connecting.until("success")["tools"]


def test_tokens_are_renewed_once_whoever_needs_them(
    http: httpx2.Client, server: ServerProcess, another: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, name, protected_url)
    change(protected_url, seconds=1)
    try:
        signed_in(http, server, server_id)
    finally:
        before = change(protected_url, seconds=3600)["refreshed"]
    with opened(another) as elsewhere, ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(run, client, server_id, "secret_number") for client in (http, elsewhere) * 2]
        assert [each.result()["func_return"] for each in asked] == ["42"] * 4
    assert change(protected_url)["refreshed"] == before + 1, "refresh tokens count once, so nobody else may try"


def test_what_counts_no_longer_is_renewed_or_told(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, name, protected_url)
    signed_in(http, server, server_id)
    change(protected_url, forget=["access"])
    assert run(http, server_id, "secret_number")["func_return"] == "42"
    change(protected_url, forget=["access", "refreshing"])
    ran = run(http, server_id, "secret_number")
    assert ran["status"] == "error"
    assert f"Sign in again: /v1/mcp-servers/connect/{server_id}" in ran["func_return"]
    signed_in(http, server, server_id)
    assert run(http, server_id, "secret_number")["func_return"] == "42"


def test_a_sign_in_that_was_brought_over_is_renewed(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    """It doesn't tell who gives out tokens, and of us no more than an id."""
    server_id = registered(http, name, protected_url)
    signed_in(http, server, server_id)
    known = "client_id", "redirect_uris", "token_endpoint_auth_method"
    told = ", ".join(f"'{name}', client -> '{name}'" for name in known)
    forgotten = f"metadata = '{{{{}}}}', client = jsonb_build_object({told})"
    query(server, f"UPDATE {{table}} SET {forgotten} WHERE server_id = '{server_id}'")
    before = change(protected_url, forget=["access"])["refreshed"]
    assert run(http, server_id, "secret_number")["func_return"] == "42"
    assert change(protected_url)["refreshed"] == before + 1


def test_a_server_that_is_tried_out_before_it_is_registered(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    config = {"server_name": name, "type": "streamable_http", "server_url": protected_url}
    with http.stream("POST", "/v1/tools/mcp/servers/connect", json=config) as stream:
        connecting = Connecting(stream)
        assert in_browser(server, brought_back(connecting.until("authorization_url")["url"])).status_code == 200
        assert connecting.until("success")["tools"]
    server_id = registered(http, name, protected_url)
    assert run(http, server_id, "secret_number")["func_return"] == "42"
    moved = {"mcp_server_type": "streamable_http", "server_url": protected_url + "?moved"}
    assert http.patch(f"/v1/mcp-servers/{server_id}", json={"config": moved}).status_code == 200
    assert query(server, f"SELECT id FROM {{table}} WHERE server_id = '{server_id}'") == []


@pytest.mark.parametrize("path", ["", "?", "?state=", "?state=x&code=y", f"?state={'x' * 5000}&code=y", "?state=%0A'"])
def test_who_knows_no_state_gets_nowhere(server: ServerProcess, path: str) -> None:
    page = in_browser(server, CALLBACK + path)
    assert page.status_code == 404
    assert "location" not in page.headers
    assert in_browser(server, "/v1/tools/mcp/servers").status_code == 401, "nothing beside it is open"
    assert httpx2.post(server.url + CALLBACK, trust_env=False).status_code in {401, 405}


def test_a_refused_sign_in_is_told_and_cannot_write_into_the_page(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, f"<i>{name}", protected_url)
    with http.stream("GET", f"/v1/mcp-servers/connect/{server_id}") as stream:
        connecting = Connecting(stream)
        state = parse_qs(urlsplit(connecting.until("authorization_url")["url"]).query)["state"][0]
        refused = {"state": state, "error": "access_denied", "error_description": "<script>alert(1)</script>"}
        page = in_browser(server, str(httpx2.URL(CALLBACK, params=refused)))
        assert (page.status_code, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
        assert "<script>" not in page.text
        assert page.headers["content-security-policy"].startswith("default-src 'none'")
        connecting.until("waiting_for_auth")
        assert "access_denied" in connecting.next()["message"]
    assert in_browser(server, f"{CALLBACK}?state={state}&code=x").status_code == 404
    path = brought_back(authorization_url(http, server_id))
    assert "<i>" not in in_browser(server, path).text


def test_a_code_that_counts_no_longer(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, name, protected_url)
    path = brought_back(authorization_url(http, server_id))
    change(protected_url, forget=["codes"])
    page = in_browser(server, path)
    assert page.status_code == 502
    assert "Signing in to the MCP server" in page.text
    assert query(server, f"SELECT status FROM {{table}} WHERE server_id = '{server_id}'") == [("error",)]


def test_nobody_is_waited_for_for_ever(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    server_id = registered(http, name, protected_url)
    path = brought_back(authorization_url(http, server_id))
    query(server, "UPDATE {table} SET expires_at = now() - interval '1 second'")
    assert in_browser(server, path).status_code == 404
    authorization_url(http, server_id)
    assert query(server, f"SELECT count(*) FROM {{table}} WHERE server_id = '{server_id}'") == [(1,)]


def test_a_token_that_is_given_goes_before_a_sign_in(
    http: httpx2.Client, server: ServerProcess, name: str, protected_url: str
) -> None:
    config = {"mcp_server_type": "streamable_http", "server_url": protected_url, "auth_token": "no-such-token"}
    made = http.post("/v1/mcp-servers", json={"server_name": name, "config": config}).json()
    told = http.get(f"/v1/mcp-servers/connect/{made['id']}").text
    assert "oauth_required" not in told
    assert "Check auth_token" in told


class Misleading(Answering):
    """An MCP server that sends whoever wants to sign in to it where they must not go, in one of its answers."""

    def __init__(self, place: str, trap: str) -> None:
        super().__init__(self._mislead)
        self._place, self._trap = place, trap

    def _away(self, name: str) -> str:
        return self._trap if self._place == name else self.url

    def _mislead(self, request: Request) -> Answer:
        documents = {
            "/resource": {
                "resource": f"{self.url}/mcp",
                "authorization_servers": [self._away("authorization server")],
            },
            "/.well-known/oauth-authorization-server": {
                "issuer": self.url,
                "authorization_endpoint": f"{self._away('authorization_endpoint')}/authorize",
                "token_endpoint": f"{self._away('token_endpoint')}/token",
                "registration_endpoint": f"{self._away('registration_endpoint')}/register",
            },
            "/register": {"client_id": "c", "redirect_uris": ["http://127.0.0.1/"]},
        }
        found = documents.get(request.path)
        challenge = f'Bearer resource_metadata="{self._away("resource metadata")}/resource"'
        return in_json(found or {}, 200 if found else 401, **{"WWW-Authenticate": challenge})


@pytest.mark.parametrize(
    "place",
    ["resource metadata", "authorization server", "registration_endpoint", "authorization_endpoint", "token_endpoint"],
)
def test_no_address_that_a_server_names_leads_inwards(
    http: httpx2.Client, server: ServerProcess, name: str, place: str
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as trap,
        Misleading(place, f"http://localhost:{trap.getsockname()[1]}") as misleading,
    ):
        trap.settimeout(0)
        server_id = registered(http, name, f"{misleading.url}/mcp")
        if place == "token_endpoint":
            state = parse_qs(urlsplit(authorization_url(http, server_id)).query)["state"][0]
            told = in_browser(server, f"{CALLBACK}?state={state}&code=c").text
        else:
            told = http.get(f"/v1/mcp-servers/connect/{server_id}").text
        assert "LETTA_ALLOW_PRIVATE_URLS" in told
        with pytest.raises(BlockingIOError):
            trap.accept()
