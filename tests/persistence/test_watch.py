"""A program that writes where it shouldn't is found out, however it does it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from letta.testing.persistence import CheckFailedError
from letta.testing.persistence.watch import Watch


@pytest.fixture
def allowed(tmp_path: Path) -> Path:
    directory = tmp_path / "letta"
    directory.mkdir()
    return directory


@pytest.fixture
def watch(tmp_path: Path, allowed: Path) -> Watch:
    return Watch(tmp_path, [allowed])


def run(watch: Watch, program: str, *arguments: Path) -> None:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = {**os.environ, **watch.environment}
    subprocess.run(command, env=environment, cwd=watch.working_directory, check=True)


def test_writing_where_it_is_allowed_passes(watch: Watch, allowed: Path) -> None:
    run(watch, "import sys; open(sys.argv[1], 'w').close(); open('/dev/null', 'w').close()", allowed / "file")
    assert watch.conclude() == 2


def test_reading_anywhere_passes(watch: Watch, allowed: Path) -> None:
    run(watch, "import json, sys; open('/etc/passwd').close(); open(sys.argv[1], 'a').close()", allowed / "file")
    assert watch.conclude() == 1


ELSEWHERE = {
    "open": "open(sys.argv[1], 'w').close(); os.remove(sys.argv[1])",
    "os.open": "os.close(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)); os.remove(sys.argv[1])",
    "pathlib": "pathlib.Path(sys.argv[1]).write_text('x'); os.remove(sys.argv[1])",
    "mkdir": "os.mkdir(sys.argv[1]); os.rmdir(sys.argv[1])",
    "rename": "open('/dev/null'); os.rename(sys.argv[2], sys.argv[1]); os.rename(sys.argv[1], sys.argv[2])",
    "symlink": "os.symlink('/', sys.argv[1]); os.remove(sys.argv[1])",
    "socket": "import socket; socket.socket(socket.AF_UNIX).bind(sys.argv[1]); os.remove(sys.argv[1])",
    "child": "import subprocess; subprocess.run([sys.executable, '-c', 'open(\"made-by-child\", \"w\")'], check=True); "
    "os.remove('made-by-child')",
    "temporary": "import tempfile; tempfile.TemporaryFile().close()",
}


@pytest.mark.parametrize("program", ELSEWHERE.values(), ids=ELSEWHERE.keys())
def test_writing_elsewhere_is_found_although_it_left_no_trace(
    watch: Watch, allowed: Path, tmp_path: Path, program: str
) -> None:
    own = allowed / "own"
    own.touch()
    run(watch, f"import os, pathlib, sys; {program}", tmp_path / "elsewhere", own)
    with pytest.raises(CheckFailedError, match="has written to"):
        watch.conclude()


@pytest.mark.parametrize("variable", ["HOME", "TMPDIR"])
def test_files_left_by_other_programs_are_found(watch: Watch, allowed: Path, variable: str) -> None:
    run(watch, "import sys; open(sys.argv[1], 'w').close()", allowed / "file")
    subprocess.run(["/bin/sh", "-c", f'echo x > "${variable}/left"'], env=dict(watch.environment), check=True)
    with pytest.raises(CheckFailedError, match=r"has left behind .*/left"):
        watch.conclude()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    script = f'exec 5>>"{tmp_path}/open"; echo ready; exec sleep 60'
    process = subprocess.Popen(["/bin/sh", "-c", script], stdout=subprocess.PIPE)
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    yield process
    process.kill()
    process.communicate()


def test_a_file_that_another_program_holds_open_is_found(watch: Watch, writer: subprocess.Popen[bytes]) -> None:
    with pytest.raises(CheckFailedError, match=r"has open .*/open"):
        watch.look(writer.pid)


def test_a_program_that_was_not_watched_does_not_pass(watch: Watch) -> None:
    with pytest.raises(CheckFailedError, match="there is no record"):
        watch.conclude()
