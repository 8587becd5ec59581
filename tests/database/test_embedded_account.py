"""The user that the embedded Postgres runs as: nameless, unprivileged, ourselves, or root in disguise."""

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from letta.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
from letta.database.embedded.account import Account, choose_account
from letta.database.embedded.binaries import Binaries
from letta.database.embedded.launch import Launch
from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or sys.platform != "linux", reason="only root can change users"),
]

STRANGER = 10001
"""A user id without a name, like that of our container."""

DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2

START_ASK_AND_STOP = """
import sys
from pathlib import Path
import psycopg2
from letta.database.embedded import EmbeddedPostgres, EmbeddedPostgresError
postgres = EmbeddedPostgres(Path(sys.argv[1]))
try:
    with psycopg2.connect(postgres.start()) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
        cursor.execute("CREATE TABLE IF NOT EXISTS note AS SELECT 'kept'::text AS text")
        cursor.execute("SELECT text FROM note")
        print(cursor.fetchone()[0])
    postgres.stop()
except EmbeddedPostgresError as error:
    print(error)
"""


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "pg"
    yield path
    postmaster = Postmaster.read(Layout(path))
    assert postmaster is None or not postmaster.is_running


def environ() -> dict[str, str]:
    modules = os.pathsep.join(filter(None, sys.path))
    return {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "PYTHONPATH": modules, "PYTHONDONTWRITEBYTECODE": "1"}


def run_as_stranger(directory: Path) -> str:
    """What START_ASK_AND_STOP says as an ordinary user, who may read everything, as this checkout may be private."""
    return (
        Launch(
            command=[sys.executable, "-c", START_ASK_AND_STOP, str(directory)],
            environ=environ(),
            lock=directory.with_name("lock"),
            uid=STRANGER,
            gid=STRANGER,
            method="switch",
            capability=DAC_READ_SEARCH,
        )
        .run()
        .stdout
    )


def run_as_root_without(capabilities: str, directory: Path) -> str:
    """What START_ASK_AND_STOP says as a root that can't get these (in setpriv's form)."""
    command = ["setpriv", f"--bounding-set={capabilities}", sys.executable, "-c", START_ASK_AND_STOP, str(directory)]
    return subprocess.run(command, env=environ(), capture_output=True, text=True, check=True).stdout


def owners(directory: Path) -> set[int]:
    return {path.lstat().st_uid for path in (directory, *directory.rglob("*"))}


def test_an_ordinary_user_without_name_and_home(directory: Path) -> None:
    directory.mkdir()
    os.chown(directory, STRANGER, STRANGER)
    assert run_as_stranger(directory) == "kept\n"
    assert run_as_stranger(directory) == "kept\n"
    assert owners(directory) == {STRANGER}


def test_root_leaves_an_ordinary_users_database_to_its_user(directory: Path) -> None:
    directory.mkdir()
    os.chown(directory, STRANGER, STRANGER)
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    postmaster = Postmaster.read(Layout(directory))
    assert postmaster
    assert Path(f"/proc/{postmaster.pid}").stat().st_uid == STRANGER
    postgres.stop()
    assert owners(directory) == {STRANGER}
    assert run_as_stranger(directory) == "kept\n"


def test_an_ordinary_user_is_told_whose_database_it_is(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    postgres.stop()
    assert (
        "belongs to user id 60999, but this process runs as user id 10001. Run the server as that user"
        in run_as_stranger(directory)
    )
    os.chown(directory / "cluster", 0, 0)
    assert "belongs to user id 0" in run_as_stranger(directory)


def test_an_ordinary_user_is_told_that_it_cannot_write(directory: Path) -> None:
    directory.mkdir()
    answer = run_as_stranger(directory)
    assert "Permission denied" in answer
    assert "Make it writable for user id 10001, or set LETTA_PG_DATA" in answer


def test_docker_gives_root_all_it_needs(directory: Path) -> None:
    granted = "chown dac_override fsetid fowner mknod net_raw setgid setuid setfcap setpcap net_bind_service sys_chroot"
    docker = "".join(f",+{capability}" for capability in (*granted.split(), "kill", "audit_write"))
    assert run_as_root_without("-all" + docker, directory) == "kept\n"


@pytest.mark.skipif(
    subprocess.run(["unshare", "--user", "true"], capture_output=True, check=False).returncode != 0,
    reason="this system lets nobody open a user namespace",
)
def test_a_root_that_cannot_become_another_user_passes_for_one(directory: Path) -> None:
    assert run_as_root_without("-setuid,-dac_override,-dac_read_search", directory) == "kept\n"
    assert owners(directory) == {0}
    postgres = EmbeddedPostgres(directory)
    with psycopg2.connect(postgres.start()) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT text FROM note")
        assert cursor.fetchone() == ("kept",)
    connection.close()
    assert owners(directory / "cluster") == {60999}, "a root that can does so from then on"
    postgres.stop()


def test_a_root_without_any_capability_is_told_what_to_do(directory: Path) -> None:
    answer = run_as_root_without("-all", directory)
    assert "Postgres can't run as root" in answer
    assert "docker run --user" in answer


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user can enter."""
    place = Path(tempfile.mkdtemp(dir="/var/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize(
    ("private", "program_mode", "needed"),
    [(False, 0o755, None), (True, 0o755, DAC_READ_SEARCH), (False, 0o700, DAC_OVERRIDE), (True, 0o700, DAC_OVERRIDE)],
)
def test_postgres_gets_no_more_than_it_needs(
    open_place: Path, private: bool, program_mode: int, needed: int | None
) -> None:
    layout = Layout(open_place / "pg")
    layout.data_directory.mkdir(mode=0o700 if private else 0o755)
    binaries = Binaries(open_place, open_place)
    for path, mode in ((binaries.postgres, program_mode), (binaries.catalog, 0o644)):
        path.parent.mkdir()
        path.touch()
        path.chmod(mode)
    assert Account(STRANGER, STRANGER, "switch").capability_needed(binaries, layout) == needed
    assert stat.S_IMODE(layout.data_directory.stat().st_mode) == (0o700 if private else 0o755)


def test_an_account_owns_what_it_should_and_no_more(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").touch()
    (tmp_path / "in/link").symlink_to(tmp_path / "out")
    choose_account(Layout(tmp_path / "none")).own_all(tmp_path / "in")
    assert owners(tmp_path / "in") == {60999}
    assert (tmp_path / "out").stat().st_uid == 0


def test_it_needs_to_be_root_to_need_a_capability(tmp_path: Path) -> None:
    account = Account(os.geteuid(), os.getegid(), "same")
    assert account.capability_needed(Binaries(tmp_path, tmp_path), Layout(tmp_path)) is None


def test_a_program_is_not_run_while_another_holds_its_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    launch = Launch(["/bin/sh", "-c", "echo $TZ"], {"TZ": "UTC"}, lock, uid=STRANGER, gid=STRANGER, method="switch")
    assert launch.run().stdout == "UTC\n"
    with subprocess.Popen(
        ["flock", lock, "sh", "-c", "echo; read x"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        other.stdout.readline()
        result = launch.run()
        other.communicate()
    assert result.returncode != 0
    assert "BlockingIOError" in result.stderr


def test_an_error_of_the_launcher_is_an_error_of_ours(tmp_path: Path) -> None:
    launch = Launch(["/bin/sh", "-c", "exit 77"], {}, tmp_path / "lock", uid=0, gid=0)
    with pytest.raises(EmbeddedPostgresError, match="ordinary user"):
        launch.run()
