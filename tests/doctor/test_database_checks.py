"""The checks that look into a real database."""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing

import psycopg2
import pytest

from letta.database.dsn import parse_dsn
from letta.doctor import Check, Status, exit_code

pytestmark = pytest.mark.slow

Execute = Callable[[str], None]
Look = Callable[..., dict[str, Check]]


def test_sound_installation(look: Look) -> None:
    checks = look()
    assert {check.status for check in checks.values()} == {Status.OK}
    assert exit_code(list(checks.values())) == 0
    assert checks["Reachability"].finding.startswith("PostgreSQL 18.")
    assert checks["pgvector"].finding.startswith("Version 0.")
    assert checks["Schema version"].finding.endswith("which is current.")
    assert checks["Exposure"].finding == "Schema letta is not accessible to other roles."


def test_before_the_first_start(look: Look, cluster_uri: str) -> None:
    checks = look(cluster_uri)
    assert {check.status for check in checks.values()} == {Status.OK, Status.SKIP}
    assert "will be installed" in checks["pgvector"].finding
    assert "created at the first start" in checks["Schema version"].finding
    assert checks["Exposure"].status is Status.SKIP


def test_schema_of_somebody_else(look: Look, scratch: str, execute: Execute) -> None:
    execute("DROP SCHEMA SCHEMA_NAME CASCADE; CREATE SCHEMA SCHEMA_NAME; CREATE TABLE SCHEMA_NAME.notes (id int)")
    check = look(scratch)["Schema version"]
    assert (check.status, "used by another application: notes" in check.finding) == (Status.WARN, True)
    execute("CREATE VIEW SCHEMA_NAME.agents AS SELECT 1 AS one")
    check = look(scratch)["Schema version"]
    assert (check.status, "with names that this server needs: agents" in check.finding) == (Status.FAIL, True)
    assert "LETTA_PG_SCHEMA" in check.remedy


def test_role_that_may_do_nothing_is_told_what_an_administrator_has_to_run(look: Look, cluster_uri: str) -> None:
    dsn = parse_dsn(cluster_uri)
    checks = look(f"postgresql:///empty?host={dsn.host}&port={dsn.port}&user=app&password=app")
    assert checks["pgvector"].status is Status.WARN
    assert "CREATE EXTENSION vector WITH SCHEMA extensions;" in checks["pgvector"].remedy
    assert checks["Schema version"].status is Status.FAIL
    assert "CREATE SCHEMA letta" in checks["Schema version"].remedy


def test_role_without_access_to_the_extension(look: Look, scratch: str, execute: Execute) -> None:
    execute("CREATE SCHEMA extensions; ALTER EXTENSION vector SET SCHEMA extensions")
    assert look(scratch)["pgvector"].status is Status.OK
    dsn = parse_dsn(scratch)
    checks = look(f"postgresql:///scratch?host={dsn.host}&port={dsn.port}&user=app&password=app")
    assert checks["pgvector"].status is Status.FAIL
    assert "GRANT USAGE ON SCHEMA extensions" in checks["pgvector"].remedy
    assert checks["Schema version"].status is Status.FAIL
    assert "privilege" in checks["Schema version"].remedy


def test_old_pgvector(look: Look, scratch: str, execute: Execute) -> None:
    execute("UPDATE pg_extension SET extversion = '0.6.2' WHERE extname = 'vector'")
    assert look(scratch)["pgvector"].status is Status.WARN


def test_schema_newer_than_the_code(look: Look, scratch: str, execute: Execute) -> None:
    execute("UPDATE SCHEMA_NAME.alembic_version SET version_num = '9999'")
    check = look(scratch)["Schema version"]
    assert check.status is Status.FAIL
    assert "Deploy the newer version" in check.remedy


@pytest.mark.parametrize("role", ["anon", "authenticated", "public"])
def test_schema_open_to_outsiders(look: Look, scratch: str, execute: Execute, role: str) -> None:
    execute(f"GRANT USAGE ON SCHEMA SCHEMA_NAME TO {role}")
    check = look(scratch)["Exposure"]
    assert check.status is Status.FAIL
    assert role in check.finding
    execute(check.remedy)
    assert look(scratch)["Exposure"].status is Status.OK


def test_table_without_row_security(look: Look, scratch: str, execute: Execute) -> None:
    execute("ALTER TABLE SCHEMA_NAME.agents DISABLE ROW LEVEL SECURITY")
    check = look(scratch)["Exposure"]
    assert check.status is Status.WARN
    assert "Row security is off for agents" in check.finding


def test_tables_in_schema_public(cluster_uri: str) -> None:
    script = (
        "import sys; from pathlib import Path; from letta.doctor import DoctorContext, run_checks\n"
        "from letta.database.dsn import Chosen, parse_dsn\n"
        "chosen = Chosen(parse_dsn(sys.argv[1]), 'LETTA_PG_URI')\n"
        "for check in run_checks(DoctorContext(Path(sys.argv[2]), chosen)):\n"
        "    if check.name == 'Exposure': print(check.status.name, check.remedy)\n"
    )
    command = [sys.executable, "-c", script, cluster_uri, "/tmp/letta"]
    ran = subprocess.run(command, env={"LETTA_PG_SCHEMA": "public"}, capture_output=True, text=True, check=True)
    assert ran.stdout == "FAIL Set LETTA_PG_SCHEMA to letta.\n"


def test_encryption_key(look: Look, scratch: str, execute: Execute) -> None:
    assert look(scratch, key_fingerprint=None)["Encryption key"].status is Status.FAIL
    execute("INSERT INTO SCHEMA_NAME.server_facts VALUES ('encryption_key_fingerprint', '0123456789abcdef')")
    assert look(scratch)["Encryption key"].finding.endswith("as in the database.")
    other = look(scratch, key_fingerprint="fedcba9876543210")["Encryption key"]
    assert other.status is Status.FAIL
    assert "key used before" in other.remedy
    none = look(scratch, key_fingerprint=None)["Encryption key"]
    assert none.status is Status.FAIL
    assert "encrypted with a key" in none.finding


@pytest.mark.parametrize(("quota", "status"), [(None, Status.OK), (500, Status.OK), (1, Status.FAIL)])
def test_size_against_the_quota(look: Look, quota: int | None, status: Status) -> None:
    assert look(quota_mb=quota)["Database size"].status is status


def test_nearly_full(look: Look) -> None:
    megabytes = int(look(quota_mb=None)["Database size"].finding.split()[0])
    assert look(quota_mb=megabytes + 1)["Database size"].status is Status.WARN


def test_read_only_database(look: Look, scratch: str, execute: Execute) -> None:
    execute("ALTER DATABASE scratch SET default_transaction_read_only = on")
    checks = look(scratch)
    assert checks["Reachability"].status is Status.FAIL
    assert "read-only" in checks["Reachability"].finding
    assert checks["Schema version"].status is Status.OK


def test_locked_table_is_given_up(look: Look, scratch: str) -> None:
    with closing(psycopg2.connect(scratch)) as holder, holder.cursor() as cursor:
        cursor.execute("LOCK TABLE letta.alembic_version")
        started = time.monotonic()
        checks = look(scratch)
        assert time.monotonic() - started < 20
    assert checks["Schema version"].status is Status.FAIL
    assert checks["Exposure"].status is Status.OK


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"maintenance": parse_dsn("postgresql://u:p@127.0.0.1:1/x?sslmode=disable")}, "LETTA_PG_MAINTENANCE_URI"),
        (
            {"maintenance": parse_dsn("postgresql://postgres.a:p@aws-0-x.pooler.supabase.com:6543/postgres")},
            "pooler in transaction mode",
        ),
        ({"maintenance_problem": "LETTA_PG_MAINTENANCE_URI is no address."}, "is no address"),
    ],
)
def test_a_way_on_which_no_index_can_be_built(look: Look, changes: dict[str, object], told: str) -> None:
    check = look(**changes)["Vector indexes"]
    assert check.status is Status.WARN
    assert told in check.remedy


def test_an_archive_without_its_index(look: Look, scratch: str, execute: Execute) -> None:
    assert look(scratch)["Vector indexes"].status is Status.OK
    execute(
        "INSERT INTO SCHEMA_NAME.archives (id, organization_id, name, vector_index) "
        'SELECT \'archive-1\', id, \'large\', \'{"state": "failed", "dimensions": 3, "reason": "No room.", "at": 0}\' '
        "FROM SCHEMA_NAME.organizations LIMIT 1"
    )
    check = look(scratch)["Vector indexes"]
    assert check.status is Status.WARN
    assert "Archive archive-1: No room." in check.remedy
