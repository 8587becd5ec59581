"""An embedded Postgres that ends while the server serves."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster
from letta.database.revival import Revival
from letta.errors import ConfigurationError
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.server.conftest import postgres_runs
from tests.support.waiting import until

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, scripted_model: ScriptedModel) -> Iterator[ServerProcess]:
    environment = {"OPENAI_API_KEY": "sk-scripted", "OPENAI_BASE_URL": scripted_model.base_url}
    with ServerProcess(environment, directory=tmp_path_factory.mktemp("alone")) as server:
        yield server


def end_postgres(data: Path, number: signal.Signals) -> None:
    postmaster = Postmaster.read(Layout(data))
    assert postmaster is not None
    os.kill(postmaster.pid, number)
    assert postmaster.ends_within(20)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL])
def test_it_is_started_again(alone: ServerProcess, number: signal.Signals) -> None:
    data = alone.directory / "pg"
    with httpx2.Client(base_url=alone.url, trust_env=False, timeout=30) as http:
        assert http.get("/v1/agents/").status_code == 200
        end_postgres(data, number)
        until(lambda: http.get("/v1/agents/").status_code == 200, 30)
    alone.wait_logged("The embedded Postgres is running again")


def test_what_keeps_it_from_starting_is_told_and_it_is_tried_again(alone: ServerProcess) -> None:
    data = alone.directory / "pg"
    with httpx2.Client(base_url=alone.url, trust_env=False, timeout=60) as http:
        end_postgres(data, signal.SIGINT)
        (data / "cluster").rename(data / "away")
        (data / "cluster").mkdir()
        until(lambda: "could not be started: see the server log" in http.get("/v1/agents/").text, 30)
        assert http.get("/v1/health/").status_code == 200
        alone.wait_logged("is not a complete Postgres cluster")
        (data / "cluster").rmdir()
        (data / "away").rename(data / "cluster")
        until(lambda: http.get("/v1/agents/").status_code == 200, 30)


def test_a_server_that_ends_takes_it_along(alone: ServerProcess) -> None:
    data = alone.directory / "pg"
    alone.terminate()
    assert not postgres_runs(data)
    alone.start()
    assert postgres_runs(data)


def test_one_attempt_at_a_time_and_none_after_the_end() -> None:
    attempts: list[int] = []

    def revive() -> None:
        attempts.append(1)
        raise ConfigurationError("It can't be started.")

    revival = Revival(revive, "The database")
    assert "is being started" in revival.news
    for _ in range(5):
        revival.begin()
    revival.end()
    revival.begin()
    assert attempts == [1]
    assert "could not be started" in revival.news


def test_a_path_too_long_for_a_socket_is_found_again_at_its_new_place(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 25)
    with ServerProcess({"LETTA_PG_DATA": str(data)}, directory=tmp_path) as server:
        end_postgres(data, signal.SIGKILL)
        with httpx2.Client(base_url=server.url, trust_env=False, timeout=30) as http:
            until(lambda: http.get("/v1/agents/").status_code == 200, 30)
        server.terminate()
    assert not postgres_runs(data)
