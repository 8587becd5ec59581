"""From settings to what the doctor is told, and to the database in force."""

from pathlib import Path

import pytest

from letta.database.configured import configured_dsn
from letta.database.dsn import DsnError
from letta.doctor import DoctorContext
from letta.doctor.context import Embedded
from letta.settings import Settings

POOLER = "postgresql://postgres.abc:secret@aws-0-x.pooler.supabase.com:6543/postgres"
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABASE_URL", "RENDER", "HOST", "LETTA_ENCRYPTION_KEY", "LETTA_SERVER_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LETTA_PG_URI", POOLER)
    monkeypatch.setenv("LETTA_DIR", str(tmp_path))


def test_on_supabase(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RENDER", "true")
    monkeypatch.setenv("LETTA_ENCRYPTION_KEY", "key")
    monkeypatch.setenv("LETTA_SERVER_PASSWORD", "password")
    monkeypatch.setenv("LETTA_PG_POOL_SIZE", "4")
    context = DoctorContext.from_settings(Settings())
    assert context.chosen is not None
    assert context.chosen.setting == "LETTA_PG_URI"
    assert context.chosen.dsn.password == "secret"
    assert context.letta_dir == tmp_path
    assert (context.on_render, context.bind_host, context.has_password) == (True, "0.0.0.0", True)
    assert context.key_fingerprint
    assert (context.quota_mb, context.connections) == (500, 6)
    assert "secret" not in repr(context)


def test_embedded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETTA_PG_URI")
    context = DoctorContext.from_settings(Settings(), embedded=Embedded("postgresql:///letta?host=/tmp", key="key"))
    assert context.chosen is not None
    assert context.chosen.setting == "the embedded Postgres"
    assert context.key_fingerprint
    assert context.quota_mb is None
    assert not context.has_password


def test_stated_quota_counts_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETTA_PG_URI")
    monkeypatch.setenv("LETTA_DB_QUOTA_MB", "500")
    assert DoctorContext.from_settings(Settings()).quota_mb == 500


def test_settings_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@other.example/db")
    context = DoctorContext.from_settings(Settings(), embedded=Embedded("postgresql:///letta?host=/tmp"))
    assert context.chosen is None
    assert context.dsn_error is not None
    assert context.dsn_error.startswith("LETTA_PG_URI and DATABASE_URL point to different databases.")


def test_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LETTA_PG_URI")
    for name, value in {"HOST": "h.example", "PORT": "6000", "USER": "u", "PASSWORD": "p", "DB": "db"}.items():
        monkeypatch.setenv(f"LETTA_PG_{name}", value)
    chosen = configured_dsn(Settings())
    assert chosen is not None
    assert (chosen.dsn.identity, chosen.dsn.password) == (("h.example", 6000, "db", "u"), "p")


def test_authority_as_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LETTA_PG_SSLROOTCERT", "/etc/secrets/ca.crt")
    chosen = configured_dsn(Settings())
    assert chosen is not None
    assert chosen.dsn.options["sslrootcert"] == "/etc/secrets/ca.crt"


@pytest.mark.parametrize("text", [PEM, f"  {PEM}\n\n", PEM.replace("\n", "\\n")])
def test_authority_as_text(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("LETTA_PG_SSLROOTCERT", text)
    for _ in range(2):
        chosen = configured_dsn(Settings())
        assert chosen is not None
        path = Path(chosen.dsn.options["sslrootcert"])
        assert path.read_text() == f"{PEM}\n"
        assert len(list(path.parent.iterdir())) == 1


def test_authority_that_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LETTA_DIR", str(tmp_path / "file"))
    monkeypatch.setenv("LETTA_PG_SSLROOTCERT", PEM)
    with pytest.raises(DsnError, match="LETTA_DIR"):
        configured_dsn(Settings())


def test_where_indexes_are_built(monkeypatch: pytest.MonkeyPatch) -> None:
    context = DoctorContext.from_settings(Settings())
    assert context.maintenance is not None
    assert context.maintenance.port == 5432
    monkeypatch.setenv("LETTA_PG_MAINTENANCE_URI", "mysql://x")
    context = DoctorContext.from_settings(Settings())
    assert context.maintenance is None
    assert "LETTA_PG_MAINTENANCE_URI" in (context.maintenance_problem or "")
