"""The image of Dockerfile.render, really built and run as a small host would run it."""

import secrets
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx2
import psutil
import pytest
from letta_client import Letta

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import free_port
from tests.deploy.containers import Container, build, remove_volume
from tests.pooler.supabase_like import SupabaseLike
from tests.support.servers import environment_of

pytestmark = [pytest.mark.container, pytest.mark.pooler, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "letta-test:latest"
PASSWORD = "a-long-random-text"
MODEL = "openai-proxy/gpt-4o-mini"


@pytest.fixture(scope="module")
def image() -> str:
    build(ROOT / "Dockerfile.render", ROOT, IMAGE)
    return IMAGE


@pytest.fixture
def on_render(supabase: SupabaseLike, scripted_model: ScriptedModel) -> Iterator[dict[str, str]]:
    """What a service on Render has in its environment. The authority is given as text, as there is no file for it."""
    with throwaway_schema(supabase.admin_uri) as schema:
        yield {
            **environment_of(supabase.uri.partition("?")[0] + "?sslmode=verify-full", schema, scripted_model),
            "LETTA_PG_SSLROOTCERT": supabase.authority.read_text().replace("\n", "\\n"),
            "LETTA_SERVER_PASSWORD": PASSWORD,
            "PORT": str(free_port()),
            "RENDER": "true",
            "RENDER_INSTANCE_ID": "srv-abc-xyz",
            "WEB_CONCURRENCY": "2",
        }


@pytest.fixture
def volume() -> Iterator[str]:
    name = f"letta-test-{secrets.token_hex(4)}"
    yield name
    remove_volume(name)


def wait_healthy(container: Container, environment: Mapping[str, str]) -> Letta:
    """The official client for it, once it is healthy."""
    url = f"http://127.0.0.1:{environment['PORT']}"
    deadline = time.monotonic() + 90
    while not answers(url):
        assert container.running, container.log
        assert time.monotonic() < deadline, container.log
        time.sleep(0.1)
    return Letta(base_url=url, api_key=environment["LETTA_SERVER_PASSWORD"], max_retries=0)


def answers(url: str) -> bool:
    try:
        return httpx2.get(f"{url}/v1/health/", trust_env=False).is_success
    except httpx2.TransportError:
        return False


def contents(client: Letta, agent_id: str) -> list[object]:
    return [getattr(message, "content", None) for message in client.agents.messages.list(agent_id)]


def test_it_runs_on_render_as_an_unprivileged_single_process(image: str, on_render: dict[str, str]) -> None:
    with Container(image, on_render) as container:
        wait_healthy(container, on_render)
        assert container.healthy()
        process = psutil.Process(container.pid)
        assert (process.uids().real, process.gids().real) == (10001, 1000)
        assert process.children() == []
        assert container.execute("cat", "/proc/1/cmdline").split("\0")[1:] == ["-m", "letta", ""]
        listening = [entry.laddr for entry in process.net_connections() if entry.status == psutil.CONN_LISTEN]
        assert listening == [("0.0.0.0", int(on_render["PORT"]))]
        for place in ("/app", "/opt/venv", "/var/lib/letta", "/root", "/run"):
            with pytest.raises(RuntimeError, match=r"Read-only file system|Permission denied"):
                container.execute("touch", f"{place}/x")
        url = f"http://127.0.0.1:{on_render['PORT']}"
        assert httpx2.get(f"{url}/v1/agents/", trust_env=False).status_code == 401
        assert "app.js" in httpx2.get(f"{url}/", trust_env=False).text  # the console, with all of its parts
        assert "Traceback" not in container.log
        assert container.stop() == 0


def test_everything_is_there_in_a_new_container(
    image: str, on_render: dict[str, str], scripted_model: ScriptedModel
) -> None:
    with Container(image, on_render) as container:
        client = wait_healthy(container, on_render)
        agent = client.agents.create(name="Ada", model=MODEL, memory_blocks=[{"label": "human", "value": "A guest."}])
        script = scripted_model.script(
            Reply(calls=[Call("memory_insert", {"label": "human", "new_string": "Likes tea."})]), Reply("Noted.")
        )
        client.agents.messages.create(agent.id, input=script.say("I like tea."))
        said = contents(client, agent.id)
        container.kill()
    with Container(image, on_render) as container:
        client = wait_healthy(container, on_render)
        assert client.agents.retrieve(agent.id).name == "Ada"
        assert "Likes tea." in client.agents.blocks.retrieve("human", agent_id=agent.id).value
        assert contents(client, agent.id) == said
        client.agents.messages.create(agent.id, input="Still there?")
        assert "Likes tea." in str(scripted_model.requests(containing="Still there?")[-1].body)
        assert container.stop() == 0


def test_on_a_laptop_the_embedded_database_lives_on_a_volume(image: str, volume: str) -> None:
    environment = {"LETTA_SERVER_PASSWORD": PASSWORD, "PORT": str(free_port())}
    with Container(image, environment, volumes=[f"{volume}:/var/lib/letta"]) as container:
        block = wait_healthy(container, environment).blocks.create(label="human", value="Kept.")
        container.kill()
    with Container(image, environment, volumes=[f"{volume}:/var/lib/letta"]) as container:
        client = wait_healthy(container, environment)
        assert client.blocks.retrieve(block.id).value == "Kept."
        assert container.stop() == 0


def test_no_data_without_a_volume(image: str) -> None:
    with Container(image, {"LETTA_SERVER_PASSWORD": PASSWORD, "PORT": str(free_port())}) as container:
        assert container.wait() == 1
        assert "docker run -v letta-data:/var/lib/letta" in container.log
        assert len(container.log.splitlines()) == 1


def test_no_open_port_without_a_password(image: str, volume: str) -> None:
    with Container(image, {"PORT": str(free_port())}, volumes=[f"{volume}:/var/lib/letta"]) as container:
        assert container.wait() == 1
        assert "docker run -e LETTA_SERVER_PASSWORD=" in container.log
        assert len(container.log.splitlines()) == 1
