"""What every operation has in common: paths, ids of requests, malformed input, size."""

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from letta.http.request_ids import RequestIds
from letta.http.unknown_errors import UnknownErrors


@pytest.mark.parametrize("path", ["/v1/agents", "/v1/agents/", "/latest/agents", "/latest/agents/"])
def test_a_slash_at_the_end_makes_no_difference(http: httpx2.Client, path: str) -> None:
    assert http.get(path).status_code == 200


def test_every_answer_names_its_request(http: httpx2.Client) -> None:
    assert http.get("/v1/health/").headers["x-request-id"]
    assert http.get("/v1/health/", headers={"x-request-id": "mine-7"}).headers["x-request-id"] == "mine-7"


async def test_an_answer_to_what_nobody_foresaw_names_its_request_and_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise KeyError("secret")

    transport = httpx2.ASGITransport(RequestIds(UnknownErrors(broken)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/", headers={"x-request-id": "mine-8"})
    assert (answer.status_code, answer.headers["x-request-id"]) == (500, "mine-8")
    assert answer.json() == {"detail": "An unknown error occurred"}
    (record,) = caplog.records
    assert record.exc_info


def test_an_unknown_route_is_404(http: httpx2.Client) -> None:
    assert http.get("/v1/nothing/here").status_code == 404


def test_a_wrong_method_is_405_and_told_which_are_right(http: httpx2.Client) -> None:
    answer = http.put("/v1/agents")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"


def test_malformed_json_is_422(http: httpx2.Client) -> None:
    answer = http.post("/v1/blocks/", content=b"{not json", headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert isinstance(answer.json()["detail"], str)


def test_a_missing_field_is_named(http: httpx2.Client) -> None:
    answer = http.post("/v1/blocks/", json={"value": "x"})
    assert answer.status_code == 422
    assert "body.label" in answer.json()["detail"]
    assert "trace_id" in answer.json()


def test_a_malformed_id_comes_with_an_example(http: httpx2.Client) -> None:
    answer = http.get("/v1/agents/not-an-id")
    assert answer.status_code == 422
    assert answer.json()["examples"][0].startswith("agent-")


def test_a_malformed_user_header_is_400(http: httpx2.Client) -> None:
    answer = http.get("/v1/agents/", headers={"user_id": "me"})
    assert answer.status_code == 400
    assert "user_id" in answer.json()["detail"]


def test_an_unknown_user_is_the_default_one(http: httpx2.Client) -> None:
    headers = {"user_id": "user-11111111-1111-4111-8111-111111111111"}
    assert http.get("/v1/agents/", headers=headers).status_code == 200


def test_a_body_that_is_too_large_is_413(http: httpx2.Client) -> None:
    answer = http.post("/v1/blocks/", content=b"x" * (51 * 1024 * 1024), headers={"content-type": "application/json"})
    assert answer.status_code == 413
    assert "LETTA_MAX_BODY_MB" in answer.json()["detail"]


def test_a_body_that_lies_about_its_size_is_413(http: httpx2.Client) -> None:
    def chunks() -> object:
        for _ in range(52):
            yield b"x" * (1024 * 1024)

    answer = http.post("/v1/blocks/", content=chunks(), headers={"content-type": "application/json"})  # type: ignore[arg-type]
    assert answer.status_code == 413


def test_the_schema_is_served(http: httpx2.Client) -> None:
    paths = http.get("/openapi.json").json()["paths"]
    assert "/v1/agents/{agent_id}/messages" in paths
