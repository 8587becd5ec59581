"""The free plan: a tenth of a CPU and 512 MB."""

import threading
import time
from collections.abc import Iterator

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.deploy import cgroup
from tests.deploy.test_start_script import SCRIPT, environment
from tests.talking import AgentTalk

_OBSTACLE = cgroup.obstacle()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(_OBSTACLE is not None, reason=str(_OBSTACLE))]

AGENTS = 50
STREAMS = 5
PASSAGES = 100
PASSAGE = "A line that is to be remembered for good. " * 120
"""About 5 kB; 10 MB go up in twenty requests of a hundred."""


@pytest.fixture
def variables(server_environment: dict[str, str]) -> dict[str, str]:
    return environment(server_environment)


def test_it_is_healthy_before_anybody_gives_up(variables: dict[str, str]) -> None:
    """Also with its first migration. Waking a sleeping free service takes about a minute by itself."""
    with cgroup.small_instance(512, 0.1) as instance:
        for seconds in (120, 60):
            server = ServerProcess(variables, command=instance.command(SCRIPT), ready_timeout=seconds)
            with server:
                assert server.running
        assert instance.killed == 0


@pytest.fixture
def http(variables: dict[str, str]) -> Iterator[tuple[httpx2.Client, cgroup.Instance]]:
    with (
        cgroup.small_instance(512, 1.0) as instance,
        ServerProcess(variables, command=instance.command(SCRIPT)) as server,
        httpx2.Client(base_url=server.url, trust_env=False, timeout=120) as opened,
    ):
        yield opened, instance


def test_its_memory_suffices_for_lists_streams_and_uploads(
    http: tuple[httpx2.Client, cgroup.Instance], model: ScriptedModel
) -> None:
    client, instance = http
    talks = [AgentTalk(client, memory_blocks=[{"label": "human", "value": "x" * 2000}]) for _ in range(AGENTS)]
    listed = client.get("/v1/agents", params={"limit": AGENTS}).raise_for_status().json()
    assert len(listed) == AGENTS
    _talk_at_once(talks[:STREAMS], model)
    archive = client.post("/v1/archives", json={"name": "large"}).raise_for_status().json()
    for _ in range(20):
        body = {"passages": [{"text": PASSAGE} for _ in range(PASSAGES)]}
        client.post(f"/v1/archives/{archive['id']}/passages/batch", json=body).raise_for_status()
    assert instance.killed == 0
    assert instance.peak_mb < 450


def _talk_at_once(talks: list[AgentTalk], model: ScriptedModel) -> None:
    began = time.monotonic()
    text = model.script(Reply("word " * 400, chunk_delay=0.005)).say()
    threads = [threading.Thread(target=lambda talk=talk: talk.stream(input=text)) for talk in talks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert time.monotonic() - began < 60, "the streams ended"
    for talk in talks:
        assert talk.history()[-1]["message_type"] == "assistant_message"
