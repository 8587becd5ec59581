"""Agents with archival memory, with and without an embedding model."""

from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import ScriptedModel
from tests.archives.rememberer import EMBEDDING, TOOLS, NewRememberer, Rememberer


@pytest.fixture
def rememberer(http: httpx2.Client) -> NewRememberer:
    """Makes agents with the tools of archival memory; without ``embedding`` there is no embedding model."""

    def make(**settings: Any) -> Rememberer:
        return Rememberer(http, **({"tools": TOOLS, "include_base_tool_rules": False} | settings))

    return make


@pytest.fixture(params=[None, EMBEDDING], ids=["words", "vectors"])
def agent(request: pytest.FixtureRequest, rememberer: NewRememberer, model: ScriptedModel) -> Rememberer:
    """An agent; every test that uses it runs with an embedding model and without."""
    return rememberer(**({"embedding": request.param} if request.param else {}))
