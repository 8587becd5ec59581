"""The password, and what is open without it."""

from collections.abc import Iterator, Mapping

import httpx2
import pytest

from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

PASSWORD = "correct hörse battery staple"


@pytest.fixture(scope="module")
def guarded(
    postgres_uri: str, scripted_model: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx2.Client]:
    from letta.testing.postgres import throwaway_schema

    with throwaway_schema(postgres_uri) as schema:
        environment = {
            "LETTA_PG_URI": postgres_uri,
            "LETTA_PG_SCHEMA": schema,
            "LETTA_SERVER_PASSWORD": PASSWORD,
            "LETTA_ENCRYPTION_KEY": "k",
        }
        with (
            ServerProcess(environment, directory=tmp_path_factory.mktemp("guarded")) as server,
            httpx2.Client(base_url=server.url, trust_env=False) as client,
        ):
            yield client


def encoded(headers: Mapping[str, str]) -> dict[bytes, bytes]:
    """As programs send what isn't ASCII, though HTTP knows no rule for it."""
    return {name.encode(): value.encode() for name, value in headers.items()}


@pytest.mark.parametrize(
    "path", ["/v1/health", "/v1/health/", "/latest/health/", "/v1/ready", "/v1/ready/", "/latest/ready"]
)
def test_health_needs_no_password(guarded: httpx2.Client, path: str) -> None:
    assert guarded.get(path).status_code == 200


@pytest.mark.parametrize(
    "path", ["/v1/agents/", "/v1/agents", "/docs", "/openapi.json", "/v1/no-such-route", "/latest/agents/"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": PASSWORD},
        {"x-bare-password": PASSWORD},
        {"x-bare-password": "password wrong"},
    ],
)
def test_everything_else_does(guarded: httpx2.Client, path: str, headers: Mapping[str, str]) -> None:
    answer = guarded.get(path, headers=encoded(headers))
    assert answer.status_code == 401
    assert answer.json() == {"detail": "Unauthorized"}


@pytest.mark.parametrize(("path", "keys"), [("/openai/v1/models", {"error"}), ("/v1/responses", {"error", "detail"})])
def test_clients_of_openai_are_refused_in_their_own_form(guarded: httpx2.Client, path: str, keys: set[str]) -> None:
    answer = guarded.get(path, headers={"authorization": "Bearer wrong"})
    assert (answer.status_code, set(answer.json())) == (401, keys)
    assert answer.json()["error"] == {
        "message": "Incorrect API key provided. Use the server's password, or a key created with POST /v1/api-keys, as "
        "the API key.",
        "type": "invalid_request_error",
        "param": None,
        "code": "invalid_api_key",
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {PASSWORD}"},
        {"authorization": f"bearer {PASSWORD}"},
        {"x-bare-password": f"password {PASSWORD}"},
        {"authorization": "Bearer wrong", "x-bare-password": f"password {PASSWORD}"},
        {"authorization": f"Bearer {PASSWORD}", "x-bare-password": "password wrong"},
    ],
)
def test_either_header_lets_in(guarded: httpx2.Client, headers: Mapping[str, str]) -> None:
    assert guarded.get("/v1/agents/", headers=encoded(headers)).json() == []


def test_a_browser_may_ask_first(guarded: httpx2.Client) -> None:
    headers = {"origin": "http://localhost:3000", "access-control-request-method": "POST"}
    answer = guarded.options("/v1/agents/", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "http://localhost:3000"
