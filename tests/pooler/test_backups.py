"""Backups made and restored through a pooler in transaction mode, by a role with few rights."""

from pathlib import Path

from letta.testing.persistence.things import THINGS, differences
from letta.testing.persistence.world import World
from letta.testing.postgres import throwaway_schema
from letta.testing.protected_mcp import protected
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.persistence.test_backup import letta
from tests.pooler.supabase_like import SupabaseLike
from tests.pooler.test_supabase import pytestmark as _marks
from tests.pooler.test_supabase import query
from tests.support.servers import environment_of

pytestmark = _marks


def test_everything_survives_a_backup_while_the_server_runs(
    supabase: SupabaseLike, model: ScriptedModel, tmp_path: Path
) -> None:
    file = tmp_path / "letta.zip"
    with (
        throwaway_schema(supabase.admin_uri) as old,
        throwaway_schema(supabase.admin_uri) as new,
        protected("streamable-http") as sign_in_url,
    ):
        environment = environment_of(supabase.uri, old, model) | {"LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1"}
        with ServerProcess(environment) as server:
            world = World(server.client(), model, sign_in_url)
            for thing in THINGS:
                thing.write(world)
            before = {thing.name: thing.read(world) for thing in THINGS}
            told = letta(environment, "backup", str(file))
            assert told.returncode == 0, told.stderr
        restored = environment | {"LETTA_PG_SCHEMA": new}
        told = letta(restored, "restore", str(file))
        assert told.returncode == 0, told.stderr
        with ServerProcess(restored) as server:
            after = {thing.name: thing.read(World(server.client(), model, sign_in_url, world.ids)) for thing in THINGS}
        assert list(differences(before, after)) == []
        for role in ("anon", "authenticated"):
            assert query(supabase.admin_uri, "SELECT has_schema_privilege(%s, %s, 'usage')", role, new) == [False]
    assert query(supabase.admin_uri, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == [0]
