"""What tests of the import share: a former server's database, and the command."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from tests.legacy.former_server import FormerServer, former_server
from tests.legacy.world import KEY, fill
from tests.support.servers import environment_of

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "LETTA_TEST_LEGACY_SAMPLE"
"""Variable that names a directory with a database of the former server itself, and what is expected of it."""

collect_ignore = [] if os.environ.get(SAMPLE) else ["test_sample.py"]

Environment = dict[str, str]


def letta(environment: Environment, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the command."""
    command = [sys.executable, "-m", "letta.cli", *arguments]
    full = environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, env=full, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def imported(environment: Environment, *options: str) -> str:
    """Import, and return what is told."""
    done = letta(environment, "import-legacy", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def former(postgres_uri: str) -> Iterator[FormerServer]:
    """A former server's database with a world in it."""
    with former_server(postgres_uri, f"letta_test_former_{secrets.token_hex(4)}") as made:
        fill(made)
        yield made


@contextmanager
def new_schema(uri: str, former: FormerServer, model: ScriptedModel, directory: Path) -> Iterator[Environment]:
    """The environment of a server that nothing is stored at yet."""
    with throwaway_schema(uri) as schema:
        yield environment_of(uri, schema, model) | {
            "LETTA_LEGACY_PG_SCHEMA": former.schema,
            "LETTA_LEGACY_ENCRYPTION_KEY": KEY,
            "LETTA_DIR": str(directory),
        }


@pytest.fixture
def environment(
    postgres_uri: str, former: FormerServer, scripted_model: ScriptedModel, tmp_path: Path
) -> Iterator[Environment]:
    with new_schema(postgres_uri, former, scripted_model, tmp_path) as made:
        yield made
