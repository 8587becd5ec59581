"""Data directories of the embedded Postgres, and commands run on them."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from letta.database.embedded import EmbeddedPostgres
from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster

Letta = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    """A data directory that doesn't exist yet."""
    directory = tmp_path / "pg"
    yield directory
    if postgres_runs(directory):
        (directory / "users.json").unlink()
        postgres = EmbeddedPostgres(directory)
        postgres.start()
        postgres.stop()


@pytest.fixture
def letta(data: Path, tmp_path: Path) -> Letta:
    """Run the command with the embedded Postgres on `data`, and further variables."""

    def run(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        environment = {"LETTA_DIR": str(tmp_path / "letta"), "LETTA_PG_DATA": str(data), "PATH": os.environ["PATH"]}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        command = [sys.executable, "-m", "letta.cli", *arguments]
        return subprocess.run(command, env=environment | variables, capture_output=True, text=True, check=False)

    return run


def postgres_runs(directory: Path) -> bool:
    postmaster = Postmaster.read(Layout(directory))
    return postmaster is not None and postmaster.is_running
