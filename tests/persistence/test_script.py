"""`python test_persistence.py` as a person runs it: what it prints, how it ends, what it leaves behind."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests.support.waiting import until

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "test_persistence.py"


def environment(tmp_path: Path, **values: str) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in ("PATH", "TMPDIR", "LD_LIBRARY_PATH") if name in os.environ}
    return {**inherited, "HOME": str(tmp_path), "LETTA_DIR": str(tmp_path / "letta"), **values}


def run(*arguments: str, env: dict[str, str], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=300, check=False
    )


def schemas(uri: str) -> set[str]:
    """Those that checks have made."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, 'letta_check_')")
        return {name for (name,) in cursor.fetchall()}


def test_it_passes_with_the_embedded_database_from_any_directory(tmp_path: Path) -> None:
    done = run(str(SCRIPT), env=environment(tmp_path), cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[:6] == [
        f"LETTA_DIR constant: {tmp_path}/letta",
        "Database engine: DatabaseChoice.POSTGRES",
        "Recall storage type: postgres",
        "Archival storage type: postgres",
        f"Log file created at: {tmp_path}/letta/logs/Letta.log",
        "Server classes import successfully",
    ]
    assert lines[-1] == "ALL TESTS PASSED"
    assert done.stderr == ""
    assert done.returncode == 0


def test_it_passes_in_a_schema_of_its_own_and_drops_it(tmp_path: Path, postgres_uri: str) -> None:
    before = schemas(postgres_uri)
    done = run(str(SCRIPT), env=environment(tmp_path, LETTA_PG_URI=postgres_uri))
    assert done.stdout.splitlines()[-1] == "ALL TESTS PASSED", done.stdout + done.stderr
    assert re.search(r"data in postgresql://.*:\*\*\*@.*, schema letta_check_[0-9a-f]{16}$", done.stdout, re.MULTILINE)
    assert schemas(postgres_uri) == before


def test_an_existing_schema_is_refused_and_left_alone(tmp_path: Path, postgres_uri: str) -> None:
    schema = "letta_check_0123456789abcdef"
    with closing(psycopg2.connect(postgres_uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE SCHEMA {schema}")
        try:
            done = run(str(SCRIPT), env=environment(tmp_path, LETTA_PG_URI=postgres_uri, LETTA_PG_SCHEMA=schema))
            assert schema in schemas(postgres_uri)
        finally:
            cursor.execute(f"DROP SCHEMA {schema}")
    assert done.returncode == 1
    assert f"The database already has a schema {schema}; it is left alone." in done.stdout


def test_a_name_for_the_schema_is_taken_as_it_is(tmp_path: Path, postgres_uri: str) -> None:
    schema = "letta_check_foo"
    with closing(psycopg2.connect(postgres_uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE SCHEMA {schema}")
        try:
            done = run(str(SCRIPT), env=environment(tmp_path, LETTA_PG_URI=postgres_uri, LETTA_PG_SCHEMA=schema))
        finally:
            cursor.execute(f"DROP SCHEMA {schema}")
    assert done.returncode == 1
    assert f"The database already has a schema {schema}; it is left alone." in done.stdout


@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]], ids=["TERM", "INT twice"])
def test_interrupted_under_pytest_it_drops_what_it_created(
    tmp_path: Path, postgres_uri: str, signals: list[signal.Signals]
) -> None:
    before = schemas(postgres_uri)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", SCRIPT],
        env=environment(tmp_path, LETTA_PG_URI=postgres_uri, TMPDIR=str(temporary)),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        until(lambda: schemas(postgres_uri) != before)
        for number in signals:
            process.send_signal(number)
            time.sleep(0.2)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    assert "KeyboardInterrupt" in output
    assert "unraisable" not in output
    assert schemas(postgres_uri) == before
    assert list(temporary.glob("letta-*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_drops_what_it_created(tmp_path: Path, postgres_uri: str, number: signal.Signals) -> None:
    before = schemas(postgres_uri)
    process = subprocess.Popen(
        # As a shell starts a program in the background: with SIGINT ignored.
        ["/bin/sh", "-c", f'trap "" INT; exec "{sys.executable}" "{SCRIPT}"'],
        env=environment(tmp_path, LETTA_PG_URI=postgres_uri),
        stdout=subprocess.PIPE,
        text=True,
    )
    until(lambda: schemas(postgres_uri) != before)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert output.splitlines()[-1].startswith("INTERRUPTED (nothing_is_lost)")
    assert schemas(postgres_uri) == before


def test_a_directory_that_can_not_be_written_to_fails(tmp_path: Path) -> None:
    done = run(str(SCRIPT), env=environment(tmp_path, LETTA_DIR="/dev/null/letta"))
    assert done.returncode == 1
    assert "FAILED (letta_dir): /dev/null/letta can't be written to" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")
def test_a_directory_of_another_user_is_told_with_the_way_out(tmp_path: Path) -> None:
    """The default, /tmp/letta, belongs to the first user of the machine."""
    with tempfile.TemporaryDirectory() as taken:
        Path(taken).chmod(0o755)
        capabilities = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
        stranger = ["setpriv", "--reuid=10001", "--regid=10001", "--clear-groups", *capabilities]
        values = environment(tmp_path, LETTA_DIR=taken, PYTHONDONTWRITEBYTECODE="1")
        command = [*stranger, sys.executable, str(SCRIPT)]
        done = subprocess.run(command, env=values, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "belongs to user id 0, you are 10001. Set LETTA_DIR to a directory of your own" in done.stdout


def test_without_the_official_client_it_says_how_to_install_it(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['letta_client'] = None; import test_persistence; sys.exit(test_persistence.main())"
    )
    done = run("-c", program, env=environment(tmp_path))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].endswith("-m pip install letta-client==1.12.1")
    assert done.stderr == ""


def test_a_check_that_breaks_down_has_failed(tmp_path: Path) -> None:
    program = (
        "import sys; sys.modules['letta.config'] = None; import test_persistence; sys.exit(test_persistence.main())"
    )
    done = run("-c", program, env=environment(tmp_path))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1].startswith("FAILED (recall_storage): ModuleNotFoundError: ")
    assert "Traceback" in done.stderr


def test_a_database_that_can_not_be_reached_is_told_without_its_password(tmp_path: Path) -> None:
    uri = "postgresql://letta:verysecret@127.0.0.1:9/letta"
    done = run(str(SCRIPT), env=environment(tmp_path, LETTA_PG_URI=uri))
    assert done.returncode == 1
    assert "FAILED (nothing_is_lost)" in done.stdout
    assert "verysecret" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_pytest_runs_it_too(tmp_path: Path) -> None:
    done = run("-m", "pytest", "-p", "no:cacheprovider", "test_persistence.py", env=environment(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "7 passed" in done.stdout
