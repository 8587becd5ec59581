"""Agents, spoken to with the official client of OpenAI."""

from collections.abc import Iterator

import httpx2
import pytest
from openai import OpenAI

from letta.testing.server import ServerProcess
from tests.talking import AgentTalk


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    return AgentTalk(http, memory_blocks=[{"label": "human", "value": "Ada."}])


@pytest.fixture
def openai(server: ServerProcess) -> Iterator[OpenAI]:
    """The official client, which here doesn't hide failures by trying again."""
    with OpenAI(base_url=f"{server.url}/openai/v1", api_key="any", max_retries=0) as opened:
        yield opened
