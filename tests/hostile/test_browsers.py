"""Pages in a browser that mean no good: what they may do, and what answers tell browsers."""

from collections.abc import Iterator

import httpx2
import pytest

from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

PASSWORD = "correct-horse-battery-staple"
EVIL = "https://evil.example"
MINE = "https://mine.example"
FORMER = "https://app.letta.com"
"""The former server's console, which its server let read and change everything."""


@pytest.fixture(scope="module", params=["with a password", "without one"])
def any_server(request: pytest.FixtureRequest, postgres_uri: str) -> Iterator[httpx2.Client]:
    from letta.testing.postgres import throwaway_schema

    with throwaway_schema(postgres_uri) as schema:
        environment = {"LETTA_PG_URI": postgres_uri, "LETTA_PG_SCHEMA": schema, "LETTA_ENCRYPTION_KEY": "k"}
        headers = {}
        if request.param == "with a password":
            environment["LETTA_SERVER_PASSWORD"] = PASSWORD
            headers["authorization"] = f"Bearer {PASSWORD}"
        environment["ACCEPTABLE_ORIGINS"] = f"{MINE}, https://also-mine.example"
        with (
            ServerProcess(environment) as server,
            httpx2.Client(base_url=server.url, headers=headers, timeout=30, trust_env=False) as client,
        ):
            yield client


@pytest.mark.parametrize(
    "origin", [EVIL, FORMER, "null", "http://localhost:3000.evil.example", "https://mine.example:444"]
)
def test_other_sites_may_not_read_answers(any_server: httpx2.Client, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in any_server.options("/v1/agents/", headers=asked).headers
    answer = any_server.get("/v1/agents/", headers={"origin": origin})
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("origin", [MINE, "https://also-mine.example"])
def test_sites_of_the_setting_may(any_server: httpx2.Client, origin: str) -> None:
    answer = any_server.get("/v1/agents/", headers={"origin": origin})
    assert answer.headers["access-control-allow-origin"] == origin
    assert answer.headers["access-control-expose-headers"] == "Retry-After, X-Request-Id"
    made = any_server.post("/v1/blocks/", json={"label": "a", "value": ""}, headers={"origin": origin})
    assert made.status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/agents/", "/v1/health", "/v1/no-such-route", "/docs", "/openapi.json", "/v1/agents/not-an-id"]
)
def test_what_answers_tell_browsers(any_server: httpx2.Client, path: str) -> None:
    answer = any_server.get(path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-request-id"]
    assert answer.headers.get("cache-control") == ("no-store" if path.startswith("/v1/") else None)
    assert "strict-transport-security" not in answer.headers
    assert "server" not in answer.headers or "uvicorn" in answer.headers["server"]


def test_over_https_browsers_are_told_to_stay_there(any_server: httpx2.Client) -> None:
    answer = any_server.get("/v1/health", headers={"x-forwarded-proto": "https"})
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


def test_refusals_of_what_is_too_large_are_told_the_same(any_server: httpx2.Client) -> None:
    headers = {"content-type": "application/json"}
    answer = any_server.post("/v1/blocks/", content=b" " * (51 * 1024 * 1024), headers=headers | {"origin": MINE})
    assert answer.status_code == 413
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-request-id"]
    assert answer.headers["access-control-allow-origin"] == MINE
    assert answer.headers["access-control-expose-headers"] == "Retry-After, X-Request-Id"


@pytest.mark.parametrize("site", [EVIL, FORMER])
@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_page_of_another_site_changes_nothing(any_server: httpx2.Client, kind: str | None, site: str) -> None:
    """A page may send what a form could send, without asking first. It can't add the password."""
    headers = {"origin": site, "authorization": ""} | ({"content-type": kind} if kind else {})
    before = any_server.get("/v1/blocks/").json()
    answer = any_server.post("/v1/blocks/", content=b'{"label":"evil","value":"x"}', headers=headers)
    assert answer.status_code in {401, 403}
    assert any_server.get("/v1/blocks/").json() == before


class TestWithoutAPassword:
    """A server without a password trusts this machine, and so must not be tricked by a browser on it."""

    @pytest.fixture
    def open_server(self, server: ServerProcess) -> Iterator[httpx2.Client]:
        with httpx2.Client(base_url=server.url, timeout=30, trust_env=False) as client:
            yield client

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8283", "localhost.evil.example", "app.letta.com", "10.0.0.7"]
    )
    def test_a_name_that_was_made_to_stand_for_this_machine(self, open_server: httpx2.Client, host: str) -> None:
        answer = open_server.get("/v1/agents/", headers={"host": host})
        assert answer.status_code == 403
        assert "LETTA_SERVER_PASSWORD" in answer.json()["detail"]
        assert open_server.get("/v1/health", headers={"host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host",
        ["localhost", "localhost:8283", "LOCALHOST", "127.0.0.1:1", "[::1]:8283", "letta.localhost", "127.1.2.3"],
    )
    def test_the_names_of_this_machine(self, open_server: httpx2.Client, host: str) -> None:
        assert open_server.get("/v1/agents/", headers={"host": host}).status_code == 200

    def test_its_own_pages_may_change_things(self, open_server: httpx2.Client) -> None:
        own = {"origin": str(open_server.base_url).rstrip("/")}
        assert open_server.post("/v1/blocks/", json={"label": "a", "value": ""}, headers=own).status_code == 200
