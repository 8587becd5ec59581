"""Backups as docs/operations.md advises them can be restored into another database, and nothing is missing there."""

import os
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import psycopg2
import pytest

from letta.database.embedded import EmbeddedPostgres
from letta.database.embedded.binaries import find_binaries
from letta.testing.persistence.things import THINGS, differences
from letta.testing.persistence.world import World
from letta.testing.protected_mcp import protected
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.persistence.living import Living

pytestmark = pytest.mark.slow

KEY = "the same key before and after"
_CLOCKS = {"LETTA_RUN_LEASE_SECONDS": "2", "LETTA_GRACEFUL_SHUTDOWN_SECONDS": "2"}

Environment = dict[str, str]
Move = Callable[[Environment, "Databases", Path], Environment]


class Databases:
    """Two empty databases: an old one, and a new one with another user's search path and notation of dates."""

    def __init__(self, directory: Path) -> None:
        self._old, self._new = (EmbeddedPostgres(directory, database=name) for name in ("letta", "restored"))
        self.old, self.new = self._old.start(), self._new.start()
        with closing(psycopg2.connect(self.new)) as connection, connection, connection.cursor() as cursor:
            cursor.execute("ALTER DATABASE restored SET datestyle = 'German, DMY'")
            cursor.execute("ALTER DATABASE restored SET timezone = 'Asia/Kathmandu'")

    def stop(self) -> None:
        self._old.stop()
        self._new.stop()


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    made = Databases(tmp_path / "pg")
    yield made
    made.stop()


@pytest.fixture
def environment(databases: Databases, model: ScriptedModel) -> Environment:
    """That of a server with the old database."""
    return {
        "LETTA_PG_URI": databases.old,
        "LETTA_ENCRYPTION_KEY": KEY,
        "OPENAI_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": model.base_url,
        **_CLOCKS,
    }


def by_letta(environment: Environment, databases: Databases, directory: Path) -> Environment:
    """The server's own commands, into a schema of another name, with vectors in a schema of their own."""
    file = directory / "letta.zip"
    told = letta(environment, "backup", str(file))
    assert told.returncode == 0, told.stderr
    assert "Also keep a copy of LETTA_ENCRYPTION_KEY" in told.stdout
    assert KEY not in told.stdout
    with closing(psycopg2.connect(databases.new)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA extensions; CREATE EXTENSION vector WITH SCHEMA extensions")
    restored = environment | {"LETTA_PG_URI": databases.new, "LETTA_PG_SCHEMA": "of_another_name"}
    told = letta(restored, "restore", str(file))
    assert told.returncode == 0, told.stderr
    return restored


def by_pg_dump(environment: Environment, databases: Databases, directory: Path) -> Environment:
    """The programs of Postgres."""
    dump = directory / "letta.dump"
    _run("pg_dump", "--format=custom", "--schema=letta", f"--file={dump}", databases.old)
    with closing(psycopg2.connect(databases.new)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION vector")
    _run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={databases.new}", str(dump))
    return environment | {"LETTA_PG_URI": databases.new}


@pytest.mark.parametrize("move", [by_letta, by_pg_dump])
def test_everything_survives_and_what_was_under_way_goes_on(
    environment: Environment, databases: Databases, model: ScriptedModel, tmp_path: Path, move: Move
) -> None:
    environment |= {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"}
    with protected("streamable-http") as url:
        _written_moved_and_found(environment, databases, model, tmp_path, move, url)


def _written_moved_and_found(
    environment: Environment,
    databases: Databases,
    model: ScriptedModel,
    tmp_path: Path,
    move: Move,
    sign_in_url: str,
) -> None:
    with ServerProcess(environment) as server, _http(server) as http:
        world = World(server.client(), model, sign_in_url)
        for thing in THINGS:
            thing.write(world)
        living = Living(model, http)
        before = {thing.name: thing.read(world) for thing in THINGS}
        restored = move(environment, databases, tmp_path)
        server.kill()
    with ServerProcess(restored) as server, _http(server) as http:
        after = {thing.name: thing.read(World(server.client(), model, sign_in_url, world.ids)) for thing in THINGS}
        assert list(differences(before, after)) == []
        living.goes_on(model, http)


def test_it_says_where_the_key_is_that_an_embedded_database_made_itself(tmp_path: Path) -> None:
    environment = {"LETTA_PG_DATA": str(tmp_path / "pg")}
    assert letta(environment, "migrate").returncode == 0
    told = letta(environment, "backup", str(tmp_path / "letta.zip"))
    assert f"Also keep a copy of {tmp_path}/pg/encryption-key" in told.stdout


def test_what_would_lose_or_mix_something_is_refused(
    environment: Environment, databases: Databases, model: ScriptedModel, tmp_path: Path
) -> None:
    file = tmp_path / "letta.zip"
    assert "This database is still empty" in refused(environment, "backup", str(file))
    assert list(tmp_path.glob("*.zip*")) == []
    with ServerProcess(environment) as server:
        server.client().agents.create(name="Ada", model="openai-proxy/gpt-4o-mini", secrets={"PIN": "0042"})
        assert letta(environment, "backup", str(file)).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    new = environment | {"LETTA_PG_URI": databases.new}
    assert "already exists" in refused(environment, "backup", str(file))
    assert "can't be written" in refused(environment, "backup", str(tmp_path / "none" / "letta.zip"))
    assert "This database already contains data" in refused(environment, "restore", str(file))
    assert "is a different key" in refused(new | {"LETTA_ENCRYPTION_KEY": "somebody else's"}, "restore", str(file))
    assert "is not set" in refused(new | {"LETTA_ENCRYPTION_KEY": ""}, "restore", str(file))
    assert "can't be read" in refused(new, "restore", str(tmp_path / "none.zip"))
    assert "is not a backup" in refused(new, "restore", __file__)
    cut = tmp_path / "cut.zip"
    cut.write_bytes(file.read_bytes()[:-500])
    assert "is incomplete" in refused(new, "restore", str(cut))
    assert "is damaged" in refused(new, "restore", str(_damaged(file, tmp_path / "damaged.zip")))
    assert "version 99" in refused(new, "restore", str(_of_the_future(file, tmp_path / "future.zip")))

    # What went wrong before left nothing behind, and a server may have been started there meanwhile.
    with ServerProcess(new) as server, _http(server) as http:
        tool = server.client().tools.create(source_code='def tea() -> str:\n    """Tea."""\n    return "tea"\n')
        assert "already contains data (in tools)" in refused(new, "restore", str(file))
        server.client().tools.delete(tool.id)
        organization = http.post("/v1/admin/orgs", json={"name": "Others"}).json()["id"]
        assert "already contains data (in organizations)" in refused(new, "restore", str(file))
        http.delete("/v1/admin/orgs", params={"org_id": organization}).raise_for_status()
        told = letta(new, "restore", str(file))
    assert told.returncode == 0, told.stderr
    assert "1 agents" in told.stdout
    with ServerProcess(new) as server:
        (agent,) = server.client().agents.list(include=["agent.secrets"])
        assert [secret.value for secret in agent.secrets or ()] == ["0042"]


def letta(environment: Environment, *arguments: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    source = {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-m", "letta.cli", *arguments]
    return subprocess.run(command, env=inherited | source | environment, capture_output=True, text=True, check=False)


def refused(environment: Environment, *arguments: str) -> str:
    """What a command says that fails as foreseen."""
    told = letta(environment, *arguments)
    assert told.returncode == 1
    assert "Traceback" not in told.stderr
    return told.stderr


def _damaged(file: Path, copy: Path) -> Path:
    """With a byte changed in the middle of the rows."""
    content = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as zipped:
        entry = max(zipped.infolist(), key=lambda found: found.compress_size)
    content[entry.header_offset + 60 + entry.compress_size // 2] ^= 0xFF
    copy.write_bytes(content)
    return copy


def _of_the_future(file: Path, copy: Path) -> Path:
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "manifest.json":
                content = content.replace(b'"revision": "0', b'"revision": "9').replace(
                    b'"version": "', b'"version": "99'
                )
            new.writestr(entry.filename, content)
    return copy


def _http(server: ServerProcess) -> httpx2.Client:
    return httpx2.Client(base_url=server.url, trust_env=False, timeout=60)


def _run(program: str, *arguments: str) -> None:
    binary = find_binaries().root / "bin" / program
    subprocess.run([str(binary), *arguments], check=True, env={"PATH": os.environ["PATH"]})
