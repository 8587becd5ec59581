"""Fixtures of the testing tools' own tests."""

from collections.abc import Iterator

import pytest
from openai import OpenAI

from letta.testing.endpoint import Endpoint
from letta.testing.remote_model import ScriptedModelProcess
from letta.testing.scripted_model import ScriptedModel


@pytest.fixture(scope="session")
def model_process() -> Iterator[ScriptedModelProcess]:
    with ScriptedModelProcess() as model:
        yield model


@pytest.fixture(params=["thread", "process"])
def either_model(request: pytest.FixtureRequest) -> Endpoint:
    """The scripted model in this process, and in one of its own: both are used alike."""
    name = "scripted_model" if request.param == "thread" else "model_process"
    endpoint: Endpoint = request.getfixturevalue(name)
    endpoint.reset()
    return endpoint


@pytest.fixture
def openai(model: ScriptedModel) -> Iterator[OpenAI]:
    with OpenAI(api_key="sk-test", base_url=model.base_url, max_retries=0) as client:
        yield client
