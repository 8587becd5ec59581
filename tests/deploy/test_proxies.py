"""What stands between clients and an instance on Render: proxies that cut silence, and rewrite headers."""

import time
from collections.abc import Iterator

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

CUT_AFTER_SECONDS = 1.5
"""Longest silence that the proxy of this test bears; real ones bear about a hundred seconds."""


@pytest.fixture
def http(server_environment: dict[str, str]) -> Iterator[httpx2.Client]:
    environment = server_environment | {"LETTA_KEEPALIVE_INTERVAL": "0.5", "LETTA_ALLOW_NO_PASSWORD": "true"}
    with (
        ServerProcess(environment) as server,
        httpx2.Client(
            base_url=server.url, trust_env=False, timeout=httpx2.Timeout(30, read=CUT_AFTER_SECONDS)
        ) as opened,
    ):
        yield opened


@pytest.mark.parametrize("pings", [True, False])
def test_a_silent_model_is_no_silent_stream(http: httpx2.Client, model: ScriptedModel, pings: bool) -> None:
    talk = AgentTalk(http)
    script = model.script(Reply("At last.", delay=3 * CUT_AFTER_SECONDS))
    body = {"input": script.say(), "streaming": True, "include_pings": pings}
    began = time.monotonic()
    with http.stream("POST", talk.path, json=body) as response:
        assert response.headers["cache-control"] == "no-cache, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        lines = response.iter_lines()
        assert next(lines)
        assert time.monotonic() - began < CUT_AFTER_SECONDS, "the first byte comes at once"
        assert "At last." in "".join(lines)


def test_a_client_that_leaves_takes_nothing_along(http: httpx2.Client, model: ScriptedModel) -> None:
    talk = AgentTalk(http)
    script = model.script(Reply("Said to nobody.", delay=0.5))
    with http.stream("POST", talk.path, json={"input": script.say(), "streaming": True}) as response:
        next(response.iter_lines())
    until(lambda: talk.history()[-1].get("content") == "Said to nobody.")  # the turn goes on without its client


@pytest.mark.parametrize("host", ["example.onrender.com", "10.1.2.3:10000", "x" * 200])
def test_health_does_not_ask_for_whom(http: httpx2.Client, host: str) -> None:
    headers = {"host": host, "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7"}
    assert http.get("/v1/health", headers=headers).status_code == 200


def test_the_page_asks_for_its_parts_wherever_it_was_found(http: httpx2.Client) -> None:
    headers = {"host": "example.onrender.com", "x-forwarded-proto": "https"}
    page = http.get("/", headers=headers).raise_for_status().text
    assert "Letta" in page
    assert "http://" not in page


def test_three_megabytes_are_taken_and_a_hundred_are_not(http: httpx2.Client) -> None:
    talk = AgentTalk(http)
    answer = http.post(talk.path, json={"input": "x" * 3_000_000}, timeout=60)
    assert answer.status_code in {200, 400}, answer.text[:500]
    json_type = {"content-type": "application/json"}
    refused = http.post(talk.path, content=b" " * 101_000_000, headers=json_type, timeout=60)
    assert refused.status_code == 413
