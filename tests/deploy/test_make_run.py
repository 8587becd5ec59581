"""`make run` on a clean checkout: what a newcomer does first."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster
from letta.testing.server import ServerProcess

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
STRANGER = 10001
# The interpreter may be in a private directory: an ordinary user may read everything here.
AS_STRANGER = ["setpriv", f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups"]
AS_STRANGER += ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


def copy_checkout(target: Path) -> None:
    """What is tracked, as it is now."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, names.split("\0")):
        if (ROOT / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@pytest.fixture
def home() -> Iterator[Path]:
    """A private directory with everything in it, not below pytest's, where only root gets to."""
    path = Path(tempfile.mkdtemp(prefix="letta-home-"))
    copy_checkout(path / "letta")
    yield path
    for data in (path / "data", path / ".local/share/letta/pg"):
        postmaster = Postmaster.read(Layout(data))
        if postmaster is not None and postmaster.is_running:
            os.kill(postmaster.pid, signal.SIGQUIT)
    shutil.rmtree(path)


def interrupt(server: ServerProcess) -> int:
    """Ctrl-C; the exit code of make."""
    for process in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # one ends with another that had the signal before
            process.send_signal(signal.SIGINT)
    return server.wait()


def make_run(home: Path, *command: str, **variables: str) -> ServerProcess:
    environment = {"HOME": str(home), "PYTHON": getattr(sys, "_base_executable", sys.executable), **variables}
    arguments = [*command, "make", "--no-print-directory", "-C", str(home / "letta"), "run"]
    return ServerProcess(environment, directory=home / "server", command=arguments, ready_timeout=600)


def test_it_serves_below_a_private_directory_and_keeps_what_it_is_told(home: Path) -> None:
    with make_run(home, LETTA_PG_DATA=str(home / "data")) as server:
        server.wait_logged(f"Letta server is up: http://localhost:{server.port}")
        server.wait_logged(f"Data: embedded Postgres in {home}/data")
        server.wait_logged("No model is configured yet. Set one of these")
        block = server.client().blocks.create(label="human", value="Kept.")
        assert interrupt(server) == 0
        installed = server.log.count("Installing")
        server.start()
        assert server.client().blocks.retrieve(block.id).value == "Kept."
        assert server.log.count("Installing") == installed == 1
        assert interrupt(server) == 0
    assert home.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_without_a_name_needs_no_setting(home: Path) -> None:
    for path in (home, *home.rglob("*")):
        os.chown(path, STRANGER, STRANGER)
    # Set, but blank: the defaults are in force.
    with make_run(home, *AS_STRANGER, LETTA_PG_DATA="", LETTA_DIR=str(home / "files")) as server:
        server.wait_logged(f"Data: embedded Postgres in {home}/.local/share/letta/pg")
        assert server.client().blocks.list().items == []
        assert interrupt(server) == 0
