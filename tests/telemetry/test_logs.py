"""The log of a running server: which lines belong to what, in both formats, and what isn't in it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Failure, Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.crash.world import World, world
from tests.support.waiting import until
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

Json = dict[str, Any]
MINE = {"x-request-id": "mine-1"}


@pytest.fixture
def logging_json(server_environment: dict[str, str]) -> Iterator[ServerProcess]:
    with ServerProcess({**server_environment, "LETTA_LOG_FORMAT": "json", "LETTA_LOG_LEVEL": "debug"}) as running:
        yield running


def lines(server: ServerProcess) -> list[Json]:
    """Every line that the server wrote, which has to be JSON, its last words too."""
    return [json.loads(line) for line in server.log.splitlines()]


def logged(server: ServerProcess) -> Path:
    return server.directory / "letta" / "logs" / "Letta.log"


def test_every_line_is_json_from_the_first_to_the_last(logging_json: ServerProcess, model: ScriptedModel) -> None:
    with httpx2.Client(base_url=logging_json.url, trust_env=False, timeout=60) as http:
        AgentTalk(http).say("Hello!")
        http.get("/v1/agents/not-an-id")
    logging_json.terminate()
    written = lines(logging_json)
    assert {"time", "level", "logger", "message"} <= set.intersection(*(set(line) for line in written))
    assert {"uvicorn.error", "letta.server.summary"} <= {line["logger"] for line in written}
    assert [line["message"] for line in written if line["message"].startswith("Letta server is up: ")]
    assert logged(logging_json).read_text().splitlines() == logging_json.log.splitlines()


def test_lines_of_a_request_and_a_run_say_so(logging_json: ServerProcess, model: ScriptedModel) -> None:
    with httpx2.Client(base_url=logging_json.url, trust_env=False, timeout=60, headers=MINE) as http:
        talk = AgentTalk(http)
        text = model.script(Reply(error=Failure("malformed"))).say("Hello?")
        answer = talk.post({"input": text})
        assert answer.headers["x-request-id"] == "mine-1"
        run = http.get("/v1/runs", params={"agent_id": talk.id}).json()[0]
        http.get("/v1/blocks/", headers={"x-request-id": "mine-2"})
    # The line of a request is written once its answer has gone out.
    until(lambda: [line for line in lines(logging_json) if line.get("request_id") == "mine-2"])
    written = lines(logging_json)
    facts = {"run_id": run["id"], "agent_id": talk.id, "conversation_id": run["conversation_id"]}
    of_run = [line for line in written if line.get("run_id")]
    assert of_run
    for line in of_run:
        assert {name: line[name] for name in facts if facts[name]} == {
            name: fact for name, fact in facts.items() if fact
        }
        assert line["request_id"] == "mine-1"
    # What goes on for everybody belongs to nobody, though a request has begun it.
    assert [line for line in written if line["logger"] == "letta.runs.leases" and "request_id" in line] == []


def test_in_text_the_ids_stand_in_front(server_environment: dict[str, str], model: ScriptedModel) -> None:
    with (
        ServerProcess({**server_environment, "LETTA_LOG_LEVEL": "DEBUG"}) as server,
        httpx2.Client(base_url=server.url, trust_env=False, timeout=60, headers=MINE) as http,
    ):
        http.get("/v1/blocks/")
        server.wait_logged("letta.http.metrics [mine-1] GET /v1/blocks: 200 in ")


@pytest.mark.parametrize("given", ["mine] ERROR x", "a b", "é", "x" * 200, "", '"'])
def test_an_id_that_could_be_mistaken_for_something_else_is_replaced(server: ServerProcess, given: str) -> None:
    headers = {b"x-request-id": given.encode()}
    answered = httpx2.get(f"{server.url}/v1/health/", headers=headers, trust_env=False).headers["x-request-id"]
    assert answered == given[:64] if set(given) == {"x"} else answered not in {given, ""}


def test_the_file_may_be_lost(server_environment: dict[str, str], model: ScriptedModel) -> None:
    with (
        ServerProcess({**server_environment, "LETTA_LOG_LEVEL": "DEBUG"}) as server,
        httpx2.Client(base_url=server.url, trust_env=False, timeout=60) as http,
    ):
        shutil.rmtree(logged(server).parent)
        for _ in range(50):
            assert http.get("/v1/health/").status_code == 200
        assert server.terminate() == 0
        assert "Traceback" not in server.log


def test_an_outage_of_the_database_is_told_without_a_traceback() -> None:
    with world(servers=1) as alone:
        _break(alone)
        log = alone.servers[0].log
    assert "database unit failed" in log
    assert "Traceback" not in log


def _break(alone: World) -> None:
    with httpx2.Client(base_url=alone.servers[0].url, trust_env=False, timeout=60, headers=MINE) as http:
        talk = AgentTalk(http)
        with alone.without_postgres():
            assert http.get(f"/v1/agents/{talk.id}").status_code == 503
            assert talk.post({"input": "Hello?"}).status_code == 503
            assert http.get("/metrics").status_code == 200
        warnings = [line for line in alone.servers[0].log.splitlines() if "database unit failed" in line]
        assert [line for line in warnings if "[mine-1]" in line], "the thread doesn't know for whom it works"
