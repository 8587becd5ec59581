"""Conversations of an agent, made for a test."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from letta.testing.scripted_model import Call
from tests.talking import AgentTalk

Json = dict[str, Any]
BLOCKS = [{"label": "human", "value": "Name: Ada."}, {"label": "notes", "value": "Nothing yet."}]


def insert(label: str, text: str) -> Call:
    """A call that adds a line to a block."""
    return Call("memory_insert", {"label": label, "new_string": text})


class Conversation:
    """One conversation of an agent, made for a test."""

    def __init__(self, talk: AgentTalk, made: Json) -> None:
        self.talk, self.http, self.made = talk, talk.http, made
        self.id: str = made["id"]
        self.path = f"/v1/conversations/{self.id}"

    def say(self, text: str, **options: Any) -> Json:
        response = self.http.post(f"{self.path}/messages", json={"input": text, "streaming": False} | options)
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    def history(self, **query: Any) -> list[Json]:
        response = self.http.get(f"{self.path}/messages", params={"order": "asc"} | query)
        listed: list[Json] = response.raise_for_status().json()
        return listed

    def retrieve(self) -> Json:
        found: Json = self.http.get(self.path).raise_for_status().json()
        return found

    def post(self, verb: str, body: Json | None = None, **query: Any) -> Any:
        response = self.http.post(f"{self.path}/{verb}", json=body, params=query)
        assert response.status_code == 200, response.text
        return response.json()

    def fork(self, **query: Any) -> "Conversation":
        return Conversation(self.talk, self.post("fork", **query))


@pytest.fixture
def talk(http: httpx2.Client) -> AgentTalk:
    tools = ["memory_insert", "memory_replace", "conversation_search"]
    return AgentTalk(http, tools=tools, memory_blocks=BLOCKS, include_base_tool_rules=False)


Begin = Callable[..., Conversation]


@pytest.fixture
def begin(talk: AgentTalk) -> Begin:
    def make(**body: Any) -> Conversation:
        response = talk.http.post("/v1/conversations", params={"agent_id": talk.id}, json=body)
        assert response.status_code == 200, response.text
        return Conversation(talk, response.json())

    return make


def contents(messages: list[Json], kind: str = "user_message") -> list[str]:
    """What messages of one kind say."""
    return [message["content"] for message in messages if message["message_type"] == kind]
