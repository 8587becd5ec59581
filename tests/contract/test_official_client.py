"""The official client finds every answer to be of the type that it promises, and like those of the former server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import pytest
from letta_client import Letta

from letta.testing.contract.shapes import Shapes, differences
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.contract.journeys import JOURNEYS
from tests.contract.watching import WatchingTransport

pytestmark = pytest.mark.slow

KNOWN = (
    ("GET /v1/messages/*", "what was there to list"),
    ("GET /v1/steps/{step_id}/messages[[][]]: *", "a reply is no thought"),
    ("POST /v1/agents/{agent_id}/export.tools[[][]].*: always null", "this agent has built-in tools only"),
    ("POST /v1/agents/{agent_id}/messages/preview-raw-payload.*", "what a model is sent depends on what was said"),
    ("*.sandbox_config_fingerprint: always null", "there is no environment that could differ from run to run"),
    ("sandbox.config.sandbox_dir: always null", "each call of a tool has a directory of its own"),
    ("agent-env.value_enc: always null", "secrets aren't shown"),
    ("message.*: missing", "who wrote a row; messages have their agent and run instead"),
    ("provider_trace.*: always null", "a trace is what was asked and answered; the rest is told by its step"),
    ("user_message.content[[][]].source.file_id: always null", "images are kept with their message"),
)
"""Differences from recorded answers (as patterns), and why they are there."""


@dataclass
class Recording:
    """A part of the client whose methods are noted when they are called."""

    part: Any
    name: str = ""
    called: set[str] = field(default_factory=set)

    def __getattr__(self, attribute: str) -> Any:
        found, name = getattr(self.part, attribute), f"{self.name}.{attribute}".lstrip(".")
        if _is_resource(found):
            return Recording(found, name, self.called)
        self.called.add(name)
        return found


def _is_resource(part: Any) -> bool:
    return type(part).__name__.endswith("Resource")


def methods(part: Any, name: str = "") -> Iterator[str]:
    """The methods of all resources of the client."""
    for attribute in dir(part):
        if attribute.startswith(("_", "with_")):
            continue
        found, whole = getattr(part, attribute), f"{name}.{attribute}".lstrip(".")
        if _is_resource(found):
            yield from methods(found, whole)
        elif name and callable(found):
            yield whole


def test_answers_are_of_the_promised_types(
    server_environment: dict[str, str],
    scripted_model: ScriptedModel,
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    seen = Shapes(_described("upstream.json")["operations"])
    with (
        ServerProcess(server_environment | {"MCP_DISABLE_STDIO": "false"}, directory=tmp_path) as server,
        httpx.Client(transport=WatchingTransport(seen), timeout=120) as http,
        Letta(base_url=server.url, max_retries=0, http_client=http, _strict_response_validation=True) as client,
    ):
        recording = Recording(client)
        for journey in JOURNEYS:
            with subtests.test(journey.__name__):
                journey(recording, scripted_model)
        assert set(methods(client)) - recording.called == set()
    recorded = _described("recorded.json")
    found = {
        difference
        for ours, theirs in ((seen.answers, recorded["answers"]), (seen.things, recorded["things"]))
        for name in theirs
        if name in ours
        for difference in differences(ours[name], theirs[name], name)
    }
    unknown = {one for one in found if not any(fnmatchcase(one, pattern) for pattern, _ in KNOWN)}
    assert unknown == set()
    assert {pattern for pattern, _ in KNOWN if not any(fnmatchcase(one, pattern) for one in found)} == set()
    assert (recorded["answers"].keys() | recorded["things"].keys()) - (
        seen.answers.keys() | seen.things.keys()
    ) == set()


def _described(name: str) -> Any:
    return json.loads(files("letta.testing.contract").joinpath(name).read_text())
