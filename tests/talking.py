"""Talking to one agent of a running server, in the API's own JSON."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2

Json = dict[str, Any]


class AgentTalk:
    """One agent, made for a test."""

    def __init__(self, http: httpx2.Client, **settings: Any) -> None:
        self.http = http
        body = {"model": "openai-proxy/gpt-4o-mini", "include_base_tools": False} | settings
        self._take(_checked(http.post("/v1/agents", json=body)))

    @classmethod
    def of(cls, http: httpx2.Client, agent_id: str) -> "AgentTalk":
        """An agent that is there already."""
        talk = cls.__new__(cls)
        talk.http = http
        talk._take(_checked(http.get(f"/v1/agents/{agent_id}")))
        return talk

    def _take(self, agent: Json) -> None:
        self.agent: Json = agent
        self.id: str = agent["id"]
        self.path = f"/v1/agents/{self.id}/messages"

    def post(self, body: Json) -> httpx2.Response:
        return self.http.post(self.path, json=body)

    def say(self, text: str, **options: Any) -> Json:
        """The whole answer to a message."""
        return _checked(self.post({"input": text} | options))

    def send(self, *messages: Json, **options: Any) -> Json:
        """The whole answer to messages."""
        return _checked(self.post({"messages": list(messages)} | options))

    def refused(self, status: int, **body: Any) -> Json:
        """The answer to messages that the server doesn't take."""
        response = self.post(body)
        assert response.status_code == status, response.text
        answer: Json = response.json()
        return answer

    def stream(self, **body: Any) -> list[Json]:
        """The messages of a stream, without its pings."""
        options = {"streaming": True, "stream_tokens": True, "include_pings": False}
        with self.http.stream("POST", self.path, json=options | body) as response:
            assert response.status_code == 200, response.read()
            return list(_events(response.iter_lines()))

    def history(self, **query: str | bool) -> list[Json]:
        """All messages, oldest first."""
        params: dict[str, str | int | bool] = {"order": "asc", "limit": 200, **query}
        response = self.http.get(self.path, params=params)
        listed: list[Json] = response.raise_for_status().json()
        return listed

    def cancel(self, **body: Any) -> Json:
        """Cancel runs."""
        return _checked(self.http.post(f"{self.path}/cancel", json=body))

    def retrieve(self, *include: str) -> Json:
        """The agent's state."""
        params = {"include": [f"agent.{name}" for name in include]}
        return _checked(
            self.http.get(f"/v1/agents/{self.id}", params=params, headers={"User-Agent": "Letta/Python 1.12.1"})
        )

    def block(self, label: str) -> str:
        """The value of a memory block."""
        return str(_checked(self.http.get(f"/v1/agents/{self.id}/core-memory/blocks/{label}"))["value"])

    def run(self, run_id: str) -> Json:
        """A run."""
        return _checked(self.http.get(f"/v1/runs/{run_id}"))

    def tool_id(self, name: str) -> str:
        """The id of a built-in tool."""
        found = self.http.get("/v1/tools", params={"name": name}).raise_for_status().json()
        return str(found[0]["id"])


def types(messages: list[Json]) -> list[str]:
    """What kinds of messages these are."""
    return [message["message_type"] for message in messages]


def _checked(response: httpx2.Response) -> Json:
    assert response.status_code == 200, f"{response.status_code} {response.text}"
    answer: Json = response.json()
    return answer


def _events(lines: Iterator[str]) -> Iterator[Json]:
    for line in lines:
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def summaries_in(messages: list[Json]) -> list[Json]:
    """What the summaries say that are among these messages: lists show them as messages to the agent."""
    said = [m["content"] for m in messages if m["message_type"] == "user_message" and "system_alert" in m["content"]]
    return [json.loads(text) for text in said]
