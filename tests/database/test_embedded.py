"""The embedded Postgres: real servers on real data, killed, crashed, shared and restarted.

Where these tests run as root, pytest's directories are private (0700), so every one of them also shows that Postgres
works below such directories.
"""

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy

from letta.database.dsn import parse_dsn
from letta.database.embedded import (
    DataDirectoryError,
    DataDirectoryInUseError,
    EmbeddedPostgres,
    EmbeddedPostgresError,
    OtherMajorVersionError,
    ServerFailedError,
    server,
)
from letta.database.embedded.account import Account
from letta.database.embedded.binaries import Binaries, find_binaries
from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster
from letta.database.embedded.server import Server

pytestmark = pytest.mark.slow
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be told apart from Postgres' user")

START = """
import sys
from pathlib import Path
from letta.database.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
print(postgres.start(), flush=True)
"""
START_AND_WAIT = START + "sys.stdin.read()\n"
START_WAIT_AND_STOP = START_AND_WAIT + "postgres.stop()\n"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """Data directory and URI of a running server, for tests that only look at it."""
    directory = tmp_path_factory.mktemp("shared") / "pg"
    postgres = EmbeddedPostgres(directory)
    yield directory, postgres.start()
    postgres.stop()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stopped data directory, made once because that takes longer than most tests."""
    directory = tmp_path_factory.mktemp("template") / "pg"
    postgres = EmbeddedPostgres(directory)
    ask(postgres.start(), "CREATE TABLE note AS SELECT 'kept'::text AS text")
    postgres.stop()
    return directory


@pytest.fixture
def directory(template: Path) -> Iterator[Path]:
    """A data directory that other tests use as well, with a database and no running server in it."""
    yield template
    stop_for_good(template)


@pytest.fixture
def new_directory(tmp_path: Path) -> Iterator[Path]:
    """A data directory that doesn't exist yet."""
    yield tmp_path / "pg"
    stop_for_good(tmp_path / "pg")


def stop_for_good(directory: Path) -> None:
    """Stop a server that a test has left behind, whoever uses it."""
    if server_pid(directory):
        (directory / "users.json").unlink()
        last = EmbeddedPostgres(directory)
        last.start()
        last.stop()


def copy(directory: Path, target: Path) -> None:
    subprocess.run(["cp", "-a", "--sparse=always", directory, target], check=True)


def ask(uri: str, question: str) -> str:
    """The first value of the first row, committed."""
    with closing(psycopg2.connect(uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(question)
        row = cursor.fetchone() if cursor.description else None
        return str(row[0]) if row else ""


def server_pid(directory: Path) -> int | None:
    """Process id of the running server, if there is one."""
    postmaster = Postmaster.read(Layout(directory))
    return postmaster.pid if postmaster and postmaster.is_running else None


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def python(script: str, *arguments: str | Path) -> "subprocess.Popen[str]":
    """Another process that can import what this one can, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    line = process.stdout.readline().strip()
    if not line:
        raise AssertionError(process.communicate()[1])
    return line


def kill(process: "subprocess.Popen[str]", number: signal.Signals = signal.SIGKILL) -> None:
    os.killpg(process.pid, number)
    process.communicate()


def test_the_role_can_install_pgvector(shared: tuple[Path, str]) -> None:
    _, uri = shared
    ask(uri, "CREATE EXTENSION IF NOT EXISTS vector")
    assert ask(uri, "SELECT '[3,0]'::vector <-> '[0,4]'") == "5.0"
    assert ask(uri, "SELECT current_database()") == "letta"


def test_sqlalchemy_and_our_own_parser_understand_the_uri(shared: tuple[Path, str]) -> None:
    directory, uri = shared
    assert parse_dsn(uri).host == str(directory / "run")
    engine = sqlalchemy.create_engine(uri.replace("postgresql:", "postgresql+psycopg2:"))
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_nobody_gets_in_without_the_password(shared: tuple[Path, str]) -> None:
    _, uri = shared
    password = parse_dsn(uri).password
    assert len(password) >= 32
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(uri.replace(password, "guess"))
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        psycopg2.connect(uri.replace(f":{password}@", "@"), passfile="/dev/null")
    assert ask(uri, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'letta'") == "True"


def test_it_can_be_reached_through_a_private_socket_only(shared: tuple[Path, str]) -> None:
    directory, uri = shared
    assert mode(directory / "run") == 0o700
    assert mode(directory / "cluster") == 0o700
    assert mode(directory / "password") == 0o600
    assert ask(uri, "SHOW listen_addresses") == ""


def test_what_is_committed_is_on_the_disk(shared: tuple[Path, str]) -> None:
    _, uri = shared
    assert [ask(uri, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")] == ["on"] * 3


def test_it_is_small(shared: tuple[Path, str]) -> None:
    _, uri = shared
    assert ask(uri, "SHOW shared_buffers") == "48MB"
    assert ask(uri, "SHOW max_connections") == "40"


def test_sorting_does_not_depend_on_the_systems_c_library(shared: tuple[Path, str]) -> None:
    _, uri = shared
    assert ask(uri, "SELECT datlocprovider FROM pg_database WHERE datname = 'letta'") == "b"
    assert ask(uri, "SELECT upper('é') || to_tsvector('simple', 'Élan—vital')::text") == "É'vital':2 'élan':1"


def test_starting_again_gives_the_same_server(shared: tuple[Path, str]) -> None:
    directory, uri = shared
    pid = server_pid(directory)
    other = EmbeddedPostgres(directory, database='o"ther')
    assert ask(other.start(), "SELECT current_database()") == 'o"ther'
    assert other.start().startswith(uri.partition("/letta")[0])
    assert server_pid(directory) == pid
    other.stop()
    assert server_pid(directory) == pid, "the first user is still there"


def test_a_statement_that_fails_leaves_no_text_of_users_in_the_log(shared: tuple[Path, str]) -> None:
    directory, uri = shared
    with pytest.raises(psycopg2.Error):
        ask(uri, "SELECT 'a secret' FROM nowhere")
    log = (directory / "server.log").read_text()
    assert "nowhere" in log
    assert "a secret" not in log


@as_root
def test_as_root_it_runs_unprivileged_below_private_directories(shared: tuple[Path, str]) -> None:
    directory, _ = shared
    status = Path(f"/proc/{server_pid(directory)}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert set(fields["Uid"].split()) == {"60999"}
    assert int(fields["CapEff"], 16) in {1 << 1, 1 << 2}, "but for passing through private directories"
    assert fields["NoNewPrivs"] == "1"
    assert mode(directory.parent) == 0o700
    assert directory.stat().st_uid == 0


def test_data_survive_a_restart(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    ask(postgres.start(), "UPDATE note SET text = 'changed'")
    postgres.stop()
    assert server_pid(directory) is None
    assert not (directory / "cluster/postmaster.pid").exists()
    assert ask(postgres.start(), "SELECT text FROM note") == "changed"
    postgres.stop()


def test_a_crash_of_everything_loses_nothing_committed(directory: Path) -> None:
    uri = EmbeddedPostgres(directory).start()
    ask(uri, "UPDATE note SET text = 'changed before the crash'")
    pid = server_pid(directory)
    assert pid
    os.kill(pid, signal.SIGKILL)
    # As after a reboot: the id that the dead server left behind belongs to another process now.
    file = directory / "cluster/postmaster.pid"
    file.write_text(file.read_text().replace(str(pid), str(os.getpid()), 1))
    assert ask(EmbeddedPostgres(directory).start(), "SELECT text FROM note") == "changed before the crash"


def test_a_pid_file_damaged_by_a_power_failure_is_no_obstacle(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    for left in ("", "\0" * 64, "12345\n"):
        (directory / "cluster/postmaster.pid").write_text(left)
        assert ask(postgres.start(), "SELECT 1") == "1"
        postgres.stop()


def test_it_outlives_its_users_death_and_is_found_again(directory: Path) -> None:
    first = python(START_AND_WAIT, directory)
    uri = first_line(first)
    pid = server_pid(directory)
    kill(first)
    assert server_pid(directory) == pid
    second = EmbeddedPostgres(directory)
    assert second.start() == uri
    assert server_pid(directory) == pid
    second.stop()
    assert server_pid(directory) is None, "the dead user doesn't count"


def test_ctrl_c_in_the_terminal_does_not_reach_it(directory: Path) -> None:
    process = python(START_AND_WAIT, directory)
    first_line(process)
    pid = server_pid(directory)
    assert pid
    kill(process, signal.SIGINT)
    assert server_pid(directory) == pid
    assert os.getsid(pid) not in {os.getsid(0), process.pid}


def test_it_stops_with_the_last_process_that_uses_it(directory: Path) -> None:
    here = EmbeddedPostgres(directory)
    here.start()
    there = python(START_WAIT_AND_STOP, directory)
    first_line(there)
    here.stop()
    assert server_pid(directory)
    there.communicate()
    assert there.returncode == 0
    assert server_pid(directory) is None


def test_a_later_process_with_the_id_of_a_dead_user_is_no_user(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    users = json.loads((directory / "users.json").read_text())
    users.append({"token": "other", "pid": os.getppid(), "started": "another boot/1"})
    (directory / "users.json").write_text(json.dumps(users))
    postgres.stop()
    assert server_pid(directory) is None


def test_only_who_started_it_stops_it(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    EmbeddedPostgres(directory).stop()
    if os.fork() == 0:
        postgres.stop()
        os._exit(0)
    os.wait()
    assert server_pid(directory)
    postgres.stop()
    postgres.stop()


def test_processes_that_start_together_share_one_server(new_directory: Path) -> None:
    processes = [python(START_AND_WAIT, new_directory) for _ in range(3)]
    with ThreadPoolExecutor(3) as threads:
        uris = set(threads.map(first_line, processes))
    assert len(uris) == 1
    assert ask(uris.pop(), "SELECT count(*) FROM pg_database WHERE datname = 'letta'") == "1"
    assert len(json.loads((new_directory / "users.json").read_text())) == 3
    for process in processes:
        kill(process)


def test_an_interrupted_set_up_begins_anew(new_directory: Path) -> None:
    for draft in ("cluster.draft/base", "programs.draft/bin"):
        (new_directory / draft).mkdir(parents=True)
    (new_directory / "password.draft").write_text("half")
    postgres = EmbeddedPostgres(new_directory)
    assert ask(postgres.start(), "SELECT 1") == "1"
    postgres.stop()
    assert not list(new_directory.glob("*.draft"))


def test_a_server_of_another_installation_is_replaced_unless_somebody_uses_it(
    directory: Path, tmp_path: Path, account: Callable[[Path], Account]
) -> None:
    postgres = EmbeddedPostgres(directory)
    moved = tmp_path / "moved"
    moved.symlink_to(find_binaries().root)
    Server(Layout(directory), Binaries(moved, find_binaries().shared_libraries), account(directory)).start()
    old = server_pid(directory)
    assert old
    assert ask(postgres.start(), "SELECT 1") == "1"
    assert server_pid(directory) not in {None, old}
    postgres.stop()


def test_a_long_log_is_cut(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    with (directory / "server.log").open("ab") as log:
        log.write(b"x" * (server._LOG_LIMIT_BYTES + 1))
    uri = postgres.start()
    with pytest.raises(psycopg2.Error):
        ask(uri, "SELECT nothing")
    assert 0 < (directory / "server.log").stat().st_size < 1000
    postgres.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path, template: Path) -> None:
    directory = tmp_path / ("long" * 25)
    copy(template, directory)
    postgres = EmbeddedPostgres(directory)
    socket_directory = Path(parse_dsn(postgres.start()).host)
    assert len(str(socket_directory)) < 90
    assert mode(socket_directory) == 0o700
    pid = server_pid(directory)
    assert pid
    os.kill(pid, signal.SIGKILL)
    again = Path(parse_dsn(postgres.start()).host)
    assert not socket_directory.exists()
    postgres.stop()
    assert not again.exists()


@pytest.mark.parametrize(("name", "own_socket"), [("a b'd%41é?#&$x`", True), ('"a,b"', False)])
def test_any_character_may_be_in_the_path(tmp_path: Path, template: Path, name: str, own_socket: bool) -> None:
    directory = tmp_path / name
    copy(template, directory)
    postgres = EmbeddedPostgres(directory)
    uri = postgres.start()
    assert ask(uri, "SELECT 1") == "1"
    assert (parse_dsn(uri).host == str(directory / "run")) is own_socket
    postgres.stop()


def test_a_backup_copied_into_place_works(new_directory: Path, template: Path) -> None:
    # Without -a root owns the copy, and its mode follows the umask.
    subprocess.run(["cp", "-r", template, new_directory], check=True)
    (new_directory / "cluster").chmod(0o755)
    postgres = EmbeddedPostgres(new_directory)
    assert ask(postgres.start(), "SELECT 1") == "1"
    postgres.stop()


@pytest.fixture
def account() -> Callable[[Path], Account]:
    """The account that owns the cluster in a data directory."""

    def find(directory: Path) -> Account:
        status = (directory / "cluster").stat()
        return Account(status.st_uid, status.st_gid, "switch" if os.geteuid() == 0 else "same")

    return find


@pytest.mark.parametrize("place", ["cluster/PG_VERSION", "PG_VERSION"])
def test_data_of_another_major_version_are_refused_untouched(new_directory: Path, place: str) -> None:
    (new_directory / place).parent.mkdir(parents=True)
    (new_directory / place).write_text("16\n")
    with pytest.raises(OtherMajorVersionError, match="Postgres 16") as refusal:
        EmbeddedPostgres(new_directory).start()
    assert "pg_dump" in refusal.value.detail
    assert "pg_restore" in refusal.value.detail
    assert [path.name for path in new_directory.rglob("*") if path.is_file()] == ["PG_VERSION"]


def test_somebody_elses_cluster_is_refused(new_directory: Path) -> None:
    new_directory.mkdir()
    (new_directory / "PG_VERSION").write_text(find_binaries().major_version)
    with pytest.raises(DataDirectoryError, match=r"wasn't set up by this server.*LETTA_PG_DATA"):
        EmbeddedPostgres(new_directory).start()


def test_an_incomplete_cluster_is_refused(new_directory: Path) -> None:
    (new_directory / "cluster/base").mkdir(parents=True)
    with pytest.raises(DataDirectoryError, match=r"is not a complete Postgres cluster.*Restore"):
        EmbeddedPostgres(new_directory).start()


def test_a_lost_or_wrong_password_is_explained(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    uri = postgres.start()
    file = directory / "password"
    file.write_text("wrong")
    with pytest.raises(EmbeddedPostgresError, match=r"password authentication failed.*\n.*restore .*/password"):
        postgres.start()
    file.unlink()
    with pytest.raises(DataDirectoryError, match=r"Restore .*/password"):
        postgres.start()
    file.write_text(parse_dsn(uri).password)
    assert postgres.start() == uri
    postgres.stop()


def test_a_server_that_does_not_start_says_why(directory: Path) -> None:
    postgres = EmbeddedPostgres(directory)
    (directory / "cluster/postgresql.auto.conf").write_text("work_mem = lots\n")
    with pytest.raises(ServerFailedError, match='invalid value for parameter "work_mem"'):
        postgres.start()
    (directory / "cluster/postgresql.auto.conf").write_text("")


def test_a_set_up_that_fails_says_why_and_can_be_tried_again(new_directory: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (12_000_000, 12_000_000))\n"
    _, error = python(limit + START, new_directory).communicate()
    assert "could not be set up" in error
    postgres = EmbeddedPostgres(new_directory)
    assert ask(postgres.start(), "SELECT 1") == "1"
    postgres.stop()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataDirectoryError, match=r"Not a directory.*LETTA_PG_DATA"):
        EmbeddedPostgres(tmp_path / "file" / "pg").start()


def test_data_in_use_by_another_container_are_refused(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = EmbeddedPostgres(directory)
    monkeypatch.setattr(server, "_STRANGER_SECONDS", 0.1)
    # A server in another process id namespace looks like this: its lock is seen, its process is not.
    (directory / "cluster/postmaster.pid").write_text("99999999\n\n\n\n\n\n\nready\n")
    with (directory / "alive").open("r+") as alive:
        fcntl.flock(alive, fcntl.LOCK_EX)
        with pytest.raises(DataDirectoryInUseError, match="another container"):
            postgres.start()
    assert ask(postgres.start(), "SELECT 1") == "1"
    postgres.stop()


def test_a_server_that_never_gets_ready_is_not_waited_for_forever(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    monkeypatch.setattr(server, "START_SECONDS", 0.1)
    file = directory / "cluster/postmaster.pid"
    ready = file.read_text()
    file.write_text(ready.replace("ready   ", "starting"))
    with pytest.raises(ServerFailedError, match="is not ready"):
        postgres.start()
    file.write_text(ready)
    postgres.stop()


def test_a_server_that_dies_while_it_is_asked_for_is_started_anew(directory: Path) -> None:
    cluster = directory / "cluster"
    command = f"{find_binaries().postgres} -D {cluster} "
    with subprocess.Popen([command, "0.1"], executable="sleep") as dying:
        (cluster / "postmaster.pid").write_text(f"{dying.pid}\n\n\n\n{directory}\n\n\nready\n")
        postgres = EmbeddedPostgres(directory)
        assert ask(postgres.start(), "SELECT 1") == "1"
    assert server_pid(directory) != dying.pid
    postgres.stop()


def test_a_server_that_does_not_stop_is_named(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    postgres = EmbeddedPostgres(directory)
    postgres.start()
    pid = server_pid(directory)
    assert pid
    monkeypatch.setattr(server, "_FAST_STOP_SECONDS", 0.05)
    monkeypatch.setattr(server, "_IMMEDIATE_STOP_SECONDS", 0.05)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(ServerFailedError, match=f"Kill process {pid}"):
        postgres.stop()
    os.kill(pid, signal.SIGCONT)
    monkeypatch.undo()
    postgres.stop()
    assert server_pid(directory) is None
