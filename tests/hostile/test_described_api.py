"""All operations with input made from their own description, right and wrong: no failure of ours, no other answers."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from letta.testing.postgres import throwaway_schema
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.hostile.things import things
from tests.support.servers import environment_of

pytestmark = pytest.mark.slow

CONFIG = Path(__file__).with_name("schemathesis.toml")
LEFT_OUT = ",".join(
    (
        "positive_data_acceptance",  # the description doesn't know which ids exist and fit each other
        "negative_data_rejection",  # unknown fields are ignored on purpose
        "unsupported_method",  # /v1/agents/import is also an address with an id, where the method is another one
        "allow_header_conformance",
        "ensure_resource_availability",  # `things` says which ids are used, not what was made just before
    )
)
EXAMPLES = 5


@pytest.fixture
def server(embedded_uri: str, model: ScriptedModel) -> Iterator[ServerProcess]:
    """A server of this test's own: what else there is would be found, changed and deleted."""
    with (
        throwaway_schema(embedded_uri) as schema,
        ServerProcess(environment_of(embedded_uri, schema, model)) as running,
    ):
        yield running


def config(server: ServerProcess, directory: Path) -> Path:
    """The configuration, with ids of things that exist wherever nothing is deleted."""
    path = directory / "schemathesis.toml"
    with httpx2.Client(base_url=server.url, timeout=60, trust_env=False) as http:
        ids = "\n".join(f"{name} = {json.dumps(value)}" for name, value in things(http).items())
    path.write_text(
        f'{CONFIG.read_text()}\n[[operations]]\nexclude-method = "DELETE"\n[operations.parameters]\n{ids}\n'
    )
    return path


def test_answers_are_as_described(server: ServerProcess, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("st")
    options = [
        "--checks=all",
        f"--exclude-checks={LEFT_OUT}",
        "--phases=examples,coverage,fuzzing,stateful",
        f"--max-examples={EXAMPLES}",
        "--workers=1",  # Python 3.11 fails now and then when two threads parse programs, as its generator of data does
        "--request-timeout=30",
        "--continue-on-failure",
        "--suppress-health-check=all",
    ]
    ended = subprocess.run(
        [command, f"--config-file={config(server, tmp_path)}", "run", f"{server.url}/openapi.json", *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-8000:]
    assert "Traceback" not in server.log
