"""All operations with input made from their own description, right and wrong: no failure of ours, no other answers."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.conftest import environment_of

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name("schemathesis.toml")
CHECKS = "not_a_server_error,response_schema_conformance,status_code_conformance,content_type_conformance"
EXAMPLES = 5


@pytest.fixture
def server(embedded_uri: str, model: ScriptedModel) -> Iterator[ServerProcess]:
    """A server of this test's own: what else there is would be found, changed and deleted."""
    with (
        throwaway_schema(embedded_uri) as schema,
        ServerProcess(environment_of(embedded_uri, schema, model)) as running,
    ):
        yield running


def test_answers_are_as_described(server: ServerProcess, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("st")
    options = [
        f"--checks={CHECKS}",
        "--phases=examples,coverage,fuzzing,stateful",
        f"--max-examples={EXAMPLES}",
        "--workers=2",
        "--request-timeout=30",
        "--continue-on-failure",
        "--suppress-health-check=all",
    ]
    ended = subprocess.run(
        [command, f"--config-file={CONFIG}", "run", f"{server.url}/openapi.json", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:]
    assert "Traceback" not in server.log
