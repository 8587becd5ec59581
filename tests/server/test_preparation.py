"""Databases that aren't as a start needs them: behind, read-only, refusing."""

import time
from pathlib import Path

import psycopg2
import pytest

from letta.database.embedded import EmbeddedPostgres
from letta.errors import ConfigurationError
from letta.server.preparation import prepare_database
from letta.server.startup import open_database
from letta.settings import Settings
from letta.testing.fake_pooler import FakePooler, Refusal
from tests.server.conftest import Letta, postgres_runs

pytestmark = pytest.mark.slow


def execute(data: Path, statements: str) -> None:
    postgres = EmbeddedPostgres(data)
    connection = psycopg2.connect(postgres.start())
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements.split(";"):
            cursor.execute(statement)
    connection.close()
    postgres.stop()


READ_ONLY = "ALTER DATABASE letta SET default_transaction_read_only = on"


def test_a_read_only_database_without_tables_is_not_migrated(letta: Letta, data: Path) -> None:
    execute(data, READ_ONLY)
    done = letta("migrate")
    assert done.returncode == 1
    assert "The schema is missing" in done.stderr
    assert "read-only" in done.stderr
    assert "is at revision" not in done.stdout
    assert not postgres_runs(data), "a refused command leaves nothing running"


def test_a_read_only_database_serves_only_when_it_is_current(letta: Letta, data: Path) -> None:
    assert letta("migrate").returncode == 0
    execute(data, READ_ONLY)
    assert letta("migrate").returncode == 0
    execute(data, "SET default_transaction_read_only = off; UPDATE letta.alembic_version SET version_num = '0002'")
    for command in ("migrate", "server"):
        done = letta(command, PORT="0")
        assert done.returncode == 1
        assert "The schema is at revision 0002, but this version needs" in done.stderr.splitlines()[-1]


def test_the_cause_of_a_failed_migration_is_logged(letta: Letta, data: Path, tmp_path: Path) -> None:
    execute(data, "CREATE SCHEMA letta; CREATE TABLE letta.agents (mine int)")
    done = letta("migrate")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    for log in (done.stdout, (tmp_path / "letta/logs/Letta.log").read_text()):
        assert "Traceback" in log
        assert 'relation "agents" already exists' in log


def test_a_mistake_of_ours_is_no_fault_of_the_database(
    data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistake(_database: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr("letta.server.preparation.migrate", mistake)
    settings = Settings.model_validate({"LETTA_PG_DATA": str(data)})
    database, embedded = open_database(settings)
    with pytest.raises(ConfigurationError, match=r"a bug in this server \(KeyError\)"):
        prepare_database(settings, database, embedded)
    database.close()
    assert embedded is not None
    embedded.stop()
    assert "Traceback" in caplog.text
    assert "KeyError: 'ours'" in caplog.text


@pytest.mark.parametrize("refusal", ["Tenant or user not found", 'password authentication failed for user "letta"'])
@pytest.mark.parametrize("render", [True, False])
def test_a_host_that_restarts_at_once_is_kept_from_doing_so(
    monkeypatch: pytest.MonkeyPatch, refusal: str, render: bool
) -> None:
    """Supabase bans an address after a few refusals."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    with FakePooler(Refusal(refusal), tls=True) as pooler:
        values = {"LETTA_PG_URI": pooler.dsn("sslmode=require"), "LETTA_ENCRYPTION_KEY": "key"}
        settings = Settings.model_validate(values | ({"RENDER": "true"} if render else {}))
        database, _ = open_database(settings)
        with pytest.raises(ConfigurationError):
            prepare_database(settings, database, None)
        database.close()
        assert pooler.connections == 1
    assert [pause for pause in pauses if pause >= 60] == ([60.0] if render else [])
