"""The backup that docs/operations.md advises can be restored, into another database, and nothing is missing."""

import os
import subprocess
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from letta.database.embedded import EmbeddedPostgres
from letta.database.embedded.binaries import find_binaries
from letta.testing.persistence.things import THINGS, differences
from letta.testing.persistence.world import World
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess


@pytest.mark.slow
def test_a_dump_of_the_schema_restores_everything(tmp_path: Path, model: ScriptedModel) -> None:
    old, new = (EmbeddedPostgres(tmp_path / "pg", database=name) for name in ("letta", "restored"))
    environment = {
        "LETTA_PG_URI": old.start(),
        "LETTA_ENCRYPTION_KEY": "the same key before and after",
        "OPENAI_API_KEY": "sk-scripted",
        "OPENAI_BASE_URL": model.base_url,
    }
    dump = tmp_path / "letta.dump"
    try:
        with ServerProcess(environment) as server:
            world = World(server.client(), model)
            for thing in THINGS:
                thing.write(world)
            before = {thing.name: thing.read(world) for thing in THINGS}
            _run("pg_dump", "--format=custom", "--schema=letta", f"--file={dump}", environment["LETTA_PG_URI"])
        environment["LETTA_PG_URI"] = new.start()
        _create_extension(environment["LETTA_PG_URI"])
        _run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={environment['LETTA_PG_URI']}", str(dump))
        with ServerProcess(environment) as server:
            after = {thing.name: thing.read(World(server.client(), model, world.ids)) for thing in THINGS}
        assert list(differences(before, after)) == []
    finally:
        old.stop()
        new.stop()


def _run(program: str, *arguments: str) -> None:
    binary = find_binaries().root / "bin" / program
    subprocess.run([str(binary), *arguments], check=True, env={"PATH": os.environ["PATH"]})


def _create_extension(uri: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION vector")
