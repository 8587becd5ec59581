"""The official client for Python: the version that the tests use, and the oldest that is supported."""

import os
import sys
from pathlib import Path

import pytest

from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.clients.conftest import HERE
from tests.clients.journey_expectations import EXPECTED, travel

JOURNEY = [sys.executable, str(HERE / "journey.py")]


@pytest.mark.slow
def test_the_newest_python_client_works_unchanged(server: ServerProcess, model: ScriptedModel, tmp_path: Path) -> None:
    seen = travel(JOURNEY, server, model, env={"PATH": os.environ["PATH"]}, cwd=tmp_path)
    assert seen == {"version": "1.12.1", **EXPECTED}


@pytest.mark.slow
def test_the_oldest_python_client_works_unchanged(
    server: ServerProcess, model: ScriptedModel, old_python_client: Path
) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(old_python_client)}
    seen = travel(JOURNEY, server, model, env=environment, cwd=old_python_client)
    assert seen == {"version": "1.7.12", **EXPECTED}
