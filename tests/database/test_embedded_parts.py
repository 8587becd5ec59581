"""What the embedded Postgres is made of: places, processes, users, programs."""

import fcntl
import json
import os
import pwd
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from letta.database.embedded import (
    BinariesMissingError,
    DataDirectoryError,
    DataDirectoryInUseError,
    default_data_directory,
    processes,
)
from letta.database.embedded.binaries import Binaries, find_binaries
from letta.database.embedded.files import write_private
from letta.database.embedded.users import User, UserList, locked


@pytest.fixture
def ordinary_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's answer to who we are."""
    monkeypatch.setattr(os, "geteuid", lambda: 10001)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"LETTA_PG_DATA": "/data/pg", "XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"}, "/data/pg"),
        ({"XDG_DATA_HOME": "/xdg", "HOME": "/home/ada"}, "/xdg/letta/pg"),
        ({"XDG_DATA_HOME": "relative", "HOME": "/home/ada"}, "/home/ada/.local/share/letta/pg"),
        ({"XDG_DATA_HOME": "", "LETTA_PG_DATA": "", "HOME": "/home/ada"}, "/home/ada/.local/share/letta/pg"),
    ],
)
@pytest.mark.usefixtures("ordinary_user")
def test_the_default_place_of_an_ordinary_user(environ: dict[str, str], expected: str) -> None:
    assert default_data_directory(environ) == Path(expected)


@pytest.mark.usefixtures("ordinary_user")
def test_the_default_place_of_a_user_without_home() -> None:
    with pytest.raises(DataDirectoryError, match=r"user id 10001 has no home.*Set LETTA_PG_DATA"):
        default_data_directory({})


def test_the_home_directory_is_looked_up_if_it_is_not_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    named = pwd.getpwall()[1]
    monkeypatch.setattr(os, "geteuid", lambda: named.pw_uid)
    assert default_data_directory({}) == Path(named.pw_dir) / ".local/share/letta/pg"


def test_the_default_place_of_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_data_directory({"XDG_DATA_HOME": "/xdg"}) == Path("/var/lib/letta/pg")
    assert default_data_directory({"LETTA_PG_DATA": "data"}) == Path.cwd() / "data"


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps is missing; on Debian: apt-get install procps")
def test_proc_and_ps_agree_on_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        for boot_id in (processes._BOOT_ID, Path("/nonexistent")):
            monkeypatch.setattr(processes, "_BOOT_ID", boot_id)
            assert processes.start_time(child.pid)
            assert processes.start_time(child.pid) == processes.start_time(child.pid)
            assert processes.command_line(child.pid) == "sleep 60 "
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        monkeypatch.undo()
        for boot_id in (processes._BOOT_ID, Path("/nonexistent")):
            monkeypatch.setattr(processes, "_BOOT_ID", boot_id)
            assert processes.start_time(child.pid) is None, "a zombie has ended"
    assert processes.command_line(child.pid) == ""
    monkeypatch.undo()
    assert processes.start_time(child.pid) is None
    assert processes.command_line(child.pid) == ""


def test_the_list_of_users_forgets_the_dead(tmp_path: Path) -> None:
    file = tmp_path / "users.json"
    users = UserList(file)
    assert users.living_but("") == []
    with subprocess.Popen(["true"]) as ended:
        pass
    for user in (User("dead", ended.pid, "boot/1"), User("unseen", os.getpid(), None)):
        users.add(user)
    first, second = User.this_process("first"), User.this_process("second")
    for user in (first, second, first):
        users.add(user)
    assert [entry["token"] for entry in json.loads(file.read_text())] == ["second", "first"]
    assert users.living_but("first") == [second]
    users.remove("second")
    assert users.living_but("") == [first]


def test_a_lock_held_for_too_long_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataDirectoryInUseError, match=r"starting or stopping.*try again"), locked(path, 0.05):
            pass
    with locked(path, 0.05):
        pass


def test_a_link_in_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    for name in ("file", "file.draft", "lock"):
        (tmp_path / name).symlink_to(victim)
    write_private(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "lock", 0.05):
        pass
    assert victim.read_text() == "precious"


def test_missing_programs_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [])
    with pytest.raises(BinariesMissingError, match=r"is not installed. Install it with .*LETTA_PG_URI"):
        find_binaries()


def test_unknown_programs_are_not_altered(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "bin").mkdir(parents=True)
    (root / "bin/initdb").write_bytes(b"something else")
    (tmp_path / "copy").mkdir()
    with pytest.raises(BinariesMissingError, match="can't serve a user id without a name"):
        Binaries(root, root).copy_for_nameless_user(tmp_path / "copy")


def test_the_copy_for_a_nameless_user_differs_in_one_name_only(tmp_path: Path) -> None:
    binaries = find_binaries()
    copy = binaries.copy_for_nameless_user(tmp_path)
    assert copy.major_version == binaries.major_version == "18"
    for original, copied in ((binaries.initdb, copy.initdb), (binaries.postgres, copy.postgres)):
        assert copied.read_bytes() == original.read_bytes().replace(b"\0getpwuid\0", b"\0getpwent\0")
        assert os.access(copied, os.X_OK)
