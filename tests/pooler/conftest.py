"""A server on the Supabase-like database, instead of the one that all tests share."""

from collections.abc import Iterator

import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.pooler.supabase_like import SupabaseLike
from tests.support.servers import environment_of


@pytest.fixture(scope="session")
def schema(supabase: SupabaseLike) -> Iterator[str]:
    """Schema of `server`."""
    with throwaway_schema(supabase.admin_uri) as name:
        yield name


@pytest.fixture(scope="session")
def server(
    supabase: SupabaseLike, schema: str, scripted_model: ScriptedModel, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    environment = environment_of(supabase.uri, schema, scripted_model)
    with ServerProcess(environment, directory=tmp_path_factory.mktemp("pooled")) as running:
        yield running
