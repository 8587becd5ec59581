"""Exporting from and importing to a running server."""

import json
from typing import Any

import httpx2
import pytest

from tests.talking import AgentTalk

Json = dict[str, Any]

MODEL = "openai-proxy/gpt-4o-mini"
SOURCE = '''
def roll_dice(sides: int) -> int:
    """Roll a die.

    Args:
        sides: How many sides it has.
    """
    return sides
'''


class Files:
    """Agent files of a server."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def export(self, agent_id: str, **query: str) -> Json:
        """The agent file of an agent."""
        response = self.http.get(f"/v1/agents/{agent_id}/export", params=query)
        assert response.status_code == 200, response.text
        file: Json = response.json()
        return file

    def send(self, file: Any, **form: str) -> httpx2.Response:
        """The answer to the import of a file."""
        data = file if isinstance(file, bytes) else json.dumps(file).encode()
        return self.http.post("/v1/agents/import", data=form, files={"file": ("agent.af", data, "application/json")})

    def load(self, file: Any, **form: str) -> Json:
        """The answer to an import that succeeds."""
        response = self.send(file, **form)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def agent(self, file: Any, **form: str) -> AgentTalk:
        """The agent that an import makes."""
        (agent_id,) = self.load(file, **form)["agent_ids"]
        return AgentTalk.of(self.http, agent_id)

    def refused(self, file: Any, **form: str) -> str:
        """Why an import is refused."""
        return self.answered(400, file, **form)

    def answered(self, status: int, file: Any, /, **form: str) -> str:
        """As `refused`, with another status."""
        response = self.send(file, **form)
        assert response.status_code == status, response.text
        return str(response.json()["detail"])


@pytest.fixture
def files(http: httpx2.Client) -> Files:
    return Files(http)


def agent_file(**fields: Any) -> Json:
    """A small agent file; `fields` are those of its agent."""
    agent: Json = {
        "id": "agent-0",
        "name": "Imported",
        "agent_type": "letta_v1_agent",
        "system": "You are Ada.",
        "llm_config": {"model": "gpt-4o-mini", "handle": MODEL, "context_window": 32000},
        "embedding_config": None,
        "tool_ids": [],
        "block_ids": [],
        "in_context_message_ids": [],
        "messages": [],
    }
    sections: Json = {name: [] for name in ("groups", "blocks", "files", "sources", "tools", "mcp_servers", "skills")}
    return {"agents": [agent | fields], **sections, "metadata": {"revision_id": "x"}}


def message(number: int, role: str, text: str | None = None, **fields: Any) -> Json:
    """A message of an agent file."""
    content = [] if text is None else [{"type": "text", "text": text, "signature": None}]
    return {
        "type": "message",
        "id": f"message-{number}",
        "role": role,
        "content": content,
        "agent_id": "agent-0",
    } | fields


def with_messages(*messages: Json, **fields: Any) -> Json:
    """A file whose agent has these messages in its context."""
    ids = [entry["id"] for entry in messages]
    return agent_file(messages=list(messages), in_context_message_ids=ids, **fields)
