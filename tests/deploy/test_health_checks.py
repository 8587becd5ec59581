"""What hosts ask before they restart an instance, and what it answers while its database is away."""

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from tests.crash.world import World, world
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
RENDERS_PATIENCE_SECONDS = 5
"""Render counts a check as failed that isn't answered by then, and restarts after a minute of failed ones."""


def of_the_blueprint() -> str:
    return str(yaml.safe_load((ROOT / "render.yaml").read_text())["services"][0]["healthCheckPath"])


def of_the_image() -> str:
    (path,) = re.findall(r"HEALTHCHECK .*'GET', '([^']+)'", (ROOT / "Dockerfile.render").read_text())
    return str(path)


@pytest.fixture(scope="module")
def alone() -> Iterator[World]:
    """One server, with a Postgres of its own."""
    with world(servers=1) as made:
        yield made


def test_hosts_ask_whether_it_lives_not_whether_it_can_serve(alone: World) -> None:
    pid = alone.servers[0].pid
    with httpx2.Client(base_url=alone.servers[0].url, trust_env=False, timeout=RENDERS_PATIENCE_SECONDS) as http:
        with alone.without_postgres():
            assert [http.get(path).status_code for path in (of_the_blueprint(), of_the_image())] == [200, 200]
            assert http.get("/v1/ready/").status_code == 503
            assert http.get("/metrics").status_code == 200
        assert http.get(of_the_blueprint()).status_code == 200
    assert alone.servers[0].pid == pid


def test_a_database_that_hangs_with_every_connection_in_use_holds_no_check_up(alone: World) -> None:
    server = alone.servers[0]
    with (
        httpx2.Client(base_url=server.url, trust_env=False, timeout=120) as patient,
        httpx2.Client(base_url=server.url, trust_env=False, timeout=RENDERS_PATIENCE_SECONDS) as host,
    ):
        talk = AgentTalk(patient)
        alone.wires[0].stall()
        askers = [threading.Thread(target=patient.get, args=(f"/v1/agents/{talk.id}",)) for _ in range(12)]
        try:
            for asker in askers:
                asker.start()
            for _ in range(10):
                assert host.get(of_the_blueprint()).status_code == 200
                assert host.get("/metrics").status_code == 200
                time.sleep(0.2)
            assert host.get("/v1/ready/").status_code == 503
        finally:
            alone.wires[0].resume()
            for asker in askers:
                asker.join()
        assert talk.say("Are you there?")["stop_reason"]["stop_reason"] == "end_turn"
