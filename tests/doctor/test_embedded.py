"""`letta doctor` where the embedded Postgres is used: it judges as the server would, and makes nothing."""

from pathlib import Path

import pytest

from letta.database.embedded import EmbeddedPostgres
from letta.server.examine import examine
from letta.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture
def look(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> "Look":
    monkeypatch.delenv("LETTA_PG_SCHEMA", raising=False)
    return Look(tmp_path, capsys)


class Look:
    """Runs the doctor on a data directory."""

    def __init__(self, base: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.data = base / "pg"
        self._base = base
        self._capsys = capsys

    def __call__(self, **variables: str) -> tuple[int, str]:
        values = {"LETTA_PG_DATA": str(self.data), "LETTA_DIR": str(self._base / "letta")}
        code = examine(Settings.model_validate(values | variables))
        return code, self._capsys.readouterr().out


@pytest.mark.parametrize("exists", [True, False])
def test_before_the_first_start_all_is_well_and_nothing_is_made(look: Look, exists: bool) -> None:
    if exists:
        look.data.mkdir()
    code, table = look()
    assert code == 0, table
    assert "the embedded Postgres is used" in table
    assert "the server creates one for the embedded database" in " ".join(table.split())
    assert (list(look.data.iterdir()) if exists else look.data.exists()) == ([] if exists else False)


def test_data_of_another_major_version_are_a_finding(look: Look) -> None:
    (look.data / "cluster").mkdir(parents=True)
    (look.data / "cluster/PG_VERSION").write_text("17\n")
    code, table = look()
    assert code == 1
    assert "was written by Postgres 17" in " ".join(table.split())
    (command,) = [text.strip() for text in table.splitlines() if "pg_ctl" in text and "start" in text]
    assert command == f"pg_ctl -D {look.data}/cluster -o '-k /tmp -c listen_addresses=' -w start"


def test_a_container_without_a_volume_fails_as_the_server_would(look: Look) -> None:
    code, table = look(LETTA_IN_CONTAINER="true")
    assert code == 1
    assert "docker run -v letta-data:/var/lib/letta" in " ".join(table.split())


def test_a_key_that_is_lost_or_empty_fails(look: Look) -> None:
    postgres = EmbeddedPostgres(look.data)
    postgres.start()
    key = look.data / "encryption-key"
    key.write_text("\n")
    code, table = look()
    postgres.stop()
    assert code == 1
    assert "The encryption key's file is empty." in " ".join(table.split())


def test_localhost_in_capitals_is_this_machine_too(look: Look) -> None:
    assert look(HOST="LOCALHOST")[0] == 0
