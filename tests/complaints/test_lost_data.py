"""Who updated the former server's container lost everything: the database was inside of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.talking import AgentTalk

pytestmark = pytest.mark.slow


def refusal(tmp_path: Path, **variables: str) -> str:
    """What a server says that doesn't start."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "HOME": str(tmp_path),
        "LETTA_DIR": str(tmp_path / "letta"),
        "PORT": "0",
        **variables,
    }
    command = [sys.executable, "-m", "letta.cli", "server"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1, ended.stdout
    assert "Traceback" not in ended.stderr
    return ended.stderr


def test_in_a_container_without_a_volume_it_refuses_instead_of_losing_data_later(tmp_path: Path) -> None:
    data = tmp_path / "pg"
    told = refusal(tmp_path, LETTA_IN_CONTAINER="1", LETTA_PG_DATA=str(data))
    assert "volume" in told
    assert "LETTA_PG_URI" in told
    assert not data.exists(), "nothing was begun that would be lost"


def test_on_render_it_refuses_without_a_database_of_its_own(tmp_path: Path) -> None:
    told = refusal(tmp_path, RENDER="true", LETTA_SERVER_PASSWORD="p" * 20, LETTA_ENCRYPTION_KEY="k" * 20)
    assert "LETTA_PG_URI" in told
    assert not list(tmp_path.rglob("PG_VERSION"))


def test_a_new_container_on_the_same_volume_goes_on_with_the_same_agents(tmp_path: Path, model: ScriptedModel) -> None:
    """The process is killed, all of its files but those of the volume go, and another one starts there."""
    import httpx2

    volume = tmp_path / "volume"
    environment = {
        "LETTA_PG_DATA": str(volume / "pg"),
        "OPENAI_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": model.base_url,
    }
    agent = ""
    for container in ("first", "second"):
        with (
            ServerProcess(environment, directory=tmp_path / container) as server,
            httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http,
        ):
            if not agent:
                talk = AgentTalk(http, memory_blocks=[{"label": "human", "value": "Ada."}], secrets={"TOKEN": "t-1"})
                talk.say("Remember this.")
                agent = talk.id
                server.kill()
                continue
            talk = AgentTalk.of(http, agent)
            assert talk.block("human") == "Ada."
            assert "Remember this." in [message.get("content") for message in talk.history()]
            assert talk.retrieve("secrets")["secrets"][0]["value"] == "t-1", "the key is on the volume as well"
