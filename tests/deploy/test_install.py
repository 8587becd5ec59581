"""scripts/install.sh where the first `make run` is broken off, or can't fetch what it needs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = str(Path(__file__).resolve().parents[2] / "scripts" / "install.sh")


@pytest.fixture
def bare_python(tmp_path: Path) -> Path:
    """A Python without a pip of its own, as Debian's."""
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([base, "-m", "venv", "--without-pip", str(tmp_path / "bare")], check=True)
    return tmp_path / "bare" / "bin" / "python"


def install(python: Path, tmp_path: Path, listed: str = "") -> "subprocess.Popen[str]":
    (tmp_path / "lock").write_text(listed)
    return subprocess.Popen(
        [SCRIPT, str(tmp_path / "venv"), str(tmp_path / "lock")],
        env={"PATH": os.environ["PATH"], "PYTHON": str(python), "PIP_NO_INDEX": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_a_virtual_environment_that_was_left_without_pip_is_completed(bare_python: Path, tmp_path: Path) -> None:
    subprocess.run([bare_python, "-m", "venv", "--without-pip", str(tmp_path / "venv")], check=True)
    installing = install(bare_python, tmp_path)
    _, errors = installing.communicate(timeout=300)
    assert installing.returncode == 0, errors
    subprocess.run([str(tmp_path / "venv" / "bin" / "python"), "-c", "import pip"], check=True)


def test_what_can_not_be_fetched_is_told_with_the_remedy(bare_python: Path, tmp_path: Path) -> None:
    installing = install(bare_python, tmp_path, f"letta-nosuch==1 --hash=sha256:{'0' * 64}\n")
    _, errors = installing.communicate(timeout=300)
    assert installing.returncode == 1
    assert errors.splitlines()[-1].endswith("The same command tries again.")


def test_ctrl_c_ends_it_with_a_sentence(tmp_path: Path) -> None:
    """What the interrupted Python prints, its traceback, isn't shown."""
    started, python = tmp_path / "started", tmp_path / "python"
    python.write_text(
        "#!/bin/sh\n"
        '[ "$1" = -m ] || { [ -e "$0" ]; exit; }\n'
        '[ "$2" = venv ] || exit 1\n'
        f"echo Traceback >&2; : >'{started}'; exec sleep 600\n"
    )
    python.chmod(0o755)
    installing = install(python, tmp_path)
    deadline = time.monotonic() + 120
    while not started.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(installing.pid, signal.SIGINT)
    output, errors = installing.communicate(timeout=120)
    assert installing.returncode == 1
    assert (output, errors) == ("", "Interrupted. The same command goes on.\n")
