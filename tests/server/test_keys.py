"""The encryption key beside the embedded database: made once, never replaced unasked, given up only on demand."""

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from letta.database.embedded import EmbeddedPostgres
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerFailedError, ServerProcess
from tests.server.conftest import Letta, postgres_runs

pytestmark = pytest.mark.slow

MODEL = "openai-proxy/gpt-4o"


@pytest.fixture(scope="module")
def environment(scripted_model: ScriptedModel) -> dict[str, str]:
    return {"OPENAI_API_KEY": "sk-scripted", "OPENAI_BASE_URL": scripted_model.base_url}


@pytest.fixture
def alone(data: Path, tmp_path: Path, environment: dict[str, str]) -> Iterator[ServerProcess]:
    """A server with an embedded database, not started yet."""
    server = ServerProcess(environment | {"LETTA_PG_DATA": str(data)}, directory=tmp_path)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def template(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that has ended, with an agent that has a secret."""
    with ServerProcess(environment, directory=tmp_path_factory.mktemp("used")) as server:
        with server.client() as client:
            client.agents.create(name="Ada", model=MODEL, secrets={"TOKEN": "hunter2"})
        return server.directory / "pg"


@pytest.fixture
def used(alone: ServerProcess, data: Path, template: Path) -> ServerProcess:
    """A server that has such data, not started."""
    subprocess.run(["cp", "-a", "--sparse=always", template, data], check=True)
    return alone


def secrets(server: ServerProcess) -> list[tuple[str, str | None]]:
    with server.client() as client:
        (agent,) = client.agents.list(include=["agent.secrets"]).items
        return [(secret.key, secret.value) for secret in agent.secrets or []]


@contextmanager
def cursor(data: Path) -> Iterator[Any]:
    postgres = EmbeddedPostgres(data)
    with closing(psycopg2.connect(postgres.start())) as connection, connection.cursor() as opened:
        connection.autocommit = True
        yield opened
    postgres.stop()


def test_first_starts_at_the_same_time_make_one_key(data: Path) -> None:
    def start(postgres: EmbeddedPostgres) -> str:
        postgres.start()
        return postgres.ensure_key(one_is_known=False)

    started = [EmbeddedPostgres(data) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        keys = set(threads.map(start, started))
    assert keys == {(data / "encryption-key").read_text()}
    assert (data / "encryption-key").stat().st_mode & 0o777 == 0o600
    assert not list(data.glob("*.draft"))
    for postgres in started:
        postgres.stop()


@pytest.mark.parametrize("content", [None, "", "\n"])
def test_a_key_that_is_lost_refuses_and_nothing_is_made(used: ServerProcess, data: Path, content: str | None) -> None:
    file = data / "encryption-key"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(ServerFailedError):
        used.start()
    last = used.log.splitlines()[-1]
    assert f"Restore {file} from a backup" in last
    assert "Nothing was changed." in last
    assert (file.read_text() if file.exists() else None) == content
    assert not postgres_runs(data)


def test_a_lost_key_can_be_given_up(used: ServerProcess, data: Path, letta: Letta) -> None:
    file = data / "encryption-key"
    file.unlink()
    asked = letta("reset-encryption-key")
    assert asked.returncode == 1
    assert "can't decrypt: 1 in agent_secrets.value" in asked.stdout
    assert "--yes" in asked.stdout
    assert not file.exists()
    done = letta("reset-encryption-key", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Emptied: 1 in agent_secrets.value" in done.stdout
    used.start()
    assert secrets(used) == [("TOKEN", "")]
    used.terminate()
    again = letta("reset-encryption-key", "--yes")
    assert (again.returncode, "nothing to reset" in again.stdout) == (0, True)


def test_another_configured_key_refuses_until_it_is_made_the_new_one(
    used: ServerProcess, data: Path, letta: Letta
) -> None:
    with pytest.raises(ServerFailedError):
        used.restart(LETTA_ENCRYPTION_KEY="another key")
    assert "letta reset-encryption-key" in used.log.splitlines()[-1]
    assert letta("reset-encryption-key", "--yes", LETTA_ENCRYPTION_KEY="another key").returncode == 0
    used.start()
    assert secrets(used) == [("TOKEN", "")]
    used.terminate()
    assert letta("migrate").returncode == 1, "the old one, beside the data, isn't the database's any more"


def test_a_database_without_any_key_has_nothing_to_reset(letta: Letta, data: Path) -> None:
    done = letta("reset-encryption-key", "--yes")
    assert (done.returncode, "nothing to reset" in done.stdout) == (0, True)
    assert not (data / "encryption-key").exists()


@pytest.mark.parametrize("stored", ["v1:another:AAAA", "v1:x", "v2:a:b", "garbage"])
def test_a_secret_that_can_not_be_read_is_empty_and_the_list_goes_on(
    used: ServerProcess, data: Path, stored: str
) -> None:
    with cursor(data) as opened:
        opened.execute("UPDATE letta.agent_secrets SET value = %s", [stored])
    used.start()
    assert secrets(used) == secrets(used) == [("TOKEN", "")]
    assert used.log.count("The value is treated as empty.") == 1
