"""As many clients as a small instance is to bear, and some more."""

import threading
from collections.abc import Iterator

import httpx2
import pytest

from letta.testing.scripted_model import Reply, ScriptedModel
from letta.testing.server import ServerProcess
from tests.crowd import Visit, visit_at_once
from tests.deploy import cgroup
from tests.deploy.test_start_script import SCRIPT, environment
from tests.talking import AgentTalk

_OBSTACLE = cgroup.obstacle()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(_OBSTACLE is not None, reason=str(_OBSTACLE))]

CLIENTS = 200
SLOW = 40
TOO_MANY = 5
ANSWER = f"{'word' * 200} " * 100
"""80 kB in a hundred pieces, so that a slow reader makes the server wait."""


@pytest.fixture
def small(server_environment: dict[str, str]) -> Iterator[tuple[ServerProcess, cgroup.Instance]]:
    """The size of Render's smallest paid instance, with all of this machine's CPU that two cores may use."""
    variables = environment(server_environment) | {"LETTA_MAX_CONCURRENT_RUNS": str(CLIENTS)}
    with (
        cgroup.small_instance(512, 2.0) as instance,
        ServerProcess(variables, command=instance.command(SCRIPT)) as server,
    ):
        yield server, instance


def test_two_hundred_streams_at_once_fit_and_who_comes_too_much_is_told_when_to_come_again(
    small: tuple[ServerProcess, cgroup.Instance], model: ScriptedModel
) -> None:
    server, instance = small
    script = model.script(Reply(ANSWER, hold=True, chunk_delay=0.02))
    with httpx2.Client(base_url=server.url, trust_env=False, timeout=60) as http:
        agents = [AgentTalk(http) for _ in range(CLIENTS + TOO_MANY)]
        visits: list[Visit] = []
        ids = [agent.id for agent in agents[:CLIENTS]]
        crowd = threading.Thread(target=lambda: visits.extend(visit_at_once(server.url, ids, script.say(), slow=SLOW)))
        crowd.start()
        script.wait_asked(CLIENTS, timeout=120)
        for agent in agents[CLIENTS:]:
            refused = agent.post({"input": "Have you room?"})
            assert refused.status_code == 503, refused.text
            assert int(refused.headers["retry-after"]) >= 1
            assert "limit of concurrent runs" in refused.json()["detail"]
            assert agent.history() == [m for m in agent.history() if m["message_type"] == "system_message"]
        assert http.get("/v1/health/").status_code == 200
        script.release()
        crowd.join(240)
        assert [(visit.end, visit.text == ANSWER) for visit in visits] == [("end_turn", True)] * CLIENTS
        for agent in agents[CLIENTS:]:
            assert agent.say("And now?")["stop_reason"]["stop_reason"] == "end_turn"
        assert agents[0].history()[-1]["content"] == ANSWER
    assert instance.killed == 0
    assert instance.peak_mb < 450
