"""A server that is measured: its processes, and the few requests of a benchmark."""

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import psutil

_MODEL = "gpt-4o-mini"
_EMBEDDING = "text-embedding-3-small"
_TEXT = "Please remember that I like my tea without sugar, and tell me what you think of it."


class Target:
    """A server at a URL; `pids` are its main processes, to which all their children are added."""

    def __init__(self, url: str, pids: Sequence[int], password: str | None = None) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        headers = {"authorization": f"Bearer {password}"} if password else {}
        self._options: dict[str, Any] = {
            "base_url": url,
            "headers": headers,
            "timeout": 600,
            "follow_redirects": True,
            "trust_env": False,
        }
        self._http = httpx2.Client(**self._options)

    def close(self) -> None:
        self._http.close()

    def memory_mb(self) -> float:
        """Resident memory of all processes."""
        return sum(process.memory_info().rss for process in self._all()) / 1e6

    def cpu_seconds(self) -> float:
        """CPU time of all processes so far, with that of children which have ended."""
        return sum(sum(process.cpu_times()[:4]) for process in self._all())

    def create_agent(self) -> str:
        """A new agent on the scripted model; its id."""
        agent = {
            "name": f"bench-{uuid.uuid4().hex[:12]}",
            "agent_type": "letta_v1_agent",
            "model": self._handle("/v1/models/", _MODEL),
            "memory_blocks": [
                {"label": "persona", "value": "I am a friendly assistant."},
                {"label": "human", "value": "Name: Ada. Likes tea."},
            ],
        }
        embedding = self._handle("/v1/models/embedding", _EMBEDDING)
        if embedding is not None:
            agent["embedding"] = embedding
        return str(_json(self._http.post("/v1/agents/", json=agent))["id"])

    def call(self, method: str, path: str, body: object = None) -> Any:
        """One request; what it answers.

        Raises RuntimeError for any failure.
        """
        return _json(self._http.request(method, path, json=body))

    def agent_with_history(self, messages: int, in_context: int) -> str:
        """A new agent with so many messages, the newest of which are in its context, brought in as an agent file."""
        file = self.call("GET", f"/v1/agents/{self._talked_with()}/export")
        (agent,) = file["agents"]
        system, *turn = agent["messages"]
        turn = [message for message in turn if message["role"] in ("user", "assistant")]
        many = [
            turn[number % len(turn)]
            | {"id": f"message-{number + 1}", "otid": str(uuid.uuid4()), "created_at": _second(number)}
            for number in range(messages)
        ]
        agent["messages"] = [system, *many]
        agent["in_context_message_ids"] = [system["id"], *(message["id"] for message in many[-in_context:])]
        agent["name"] = f"bench-{uuid.uuid4().hex[:12]}"
        upload = {"file": ("agent.af", json.dumps(file).encode(), "application/json")}
        ids = _json(self._http.post("/v1/agents/import", files=upload, data={"append_copy_suffix": "false"}))
        return str(ids["agent_ids"][0])

    def _talked_with(self) -> str:
        agent_id = self.create_agent()
        self.turn(agent_id)
        return agent_id

    def turn(self, agent_id: str, text: str = _TEXT) -> float:
        """One turn, a plain one unless the text asks for something else; its time in seconds."""
        began = time.perf_counter()
        answer = self._http.post(_path(agent_id), json=_message(text))
        took = time.perf_counter() - began
        _check(answer)
        return took

    def first_event(self, agent_id: str) -> float:
        """One streamed turn; seconds until its first event that isn't a ping."""
        first = None
        began = time.perf_counter()
        body = {**_message(), "stream_tokens": True}
        with self._http.stream("POST", f"{_path(agent_id)}/stream", json=body) as answer:
            for line in answer.iter_lines():
                if first is None and line.startswith("data:") and '"ping"' not in line:
                    first = time.perf_counter() - began
        if not answer.is_success or first is None:
            raise RuntimeError(f"the stream brought no event (HTTP {answer.status_code})")
        return first

    def compact(self, agent_id: str) -> float:
        """A compaction of the agent's whole context; its time in seconds."""
        began = time.perf_counter()
        body = {"compaction_settings": {"mode": "all"}}
        _json(self._http.post(f"/v1/agents/{agent_id}/summarize", json=body))
        return time.perf_counter() - began

    def list_messages(self, agent_id: str) -> float:
        """A list of the agent's newest messages; its time in seconds."""
        began = time.perf_counter()
        _json(self._http.get(_path(agent_id), params={"limit": 50}))
        return time.perf_counter() - began

    async def turns_at_once(self, agent_ids: Sequence[str], turns_each: int) -> float:
        """Turns of several agents at the same time; turns per second over all."""
        async with httpx2.AsyncClient(**self._options) as http:
            began = time.perf_counter()
            await asyncio.gather(*(_turns(http, agent_id, turns_each) for agent_id in agent_ids))
            return len(agent_ids) * turns_each / (time.perf_counter() - began)

    def _all(self) -> list[psutil.Process]:
        return [p for main in self._processes for p in (main, *main.children(recursive=True))]

    def _handle(self, path: str, ending: str) -> str | None:
        handles = [str(model["handle"]) for model in _json(self._http.get(path))]
        return next((handle for handle in handles if handle.endswith(ending)), None)


async def _turns(http: httpx2.AsyncClient, agent_id: str, count: int) -> None:
    for _ in range(count):
        _check(await http.post(_path(agent_id), json=_message()))


def _second(number: int) -> str:
    return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)).isoformat()


def _path(agent_id: str) -> str:
    return f"/v1/agents/{agent_id}/messages"


def _message(text: str = _TEXT) -> dict[str, object]:
    return {"messages": [{"role": "user", "content": text}]}


def _check(answer: httpx2.Response) -> None:
    if b"assistant_message" not in answer.content:
        raise RuntimeError(f"no answer in the turn: HTTP {answer.status_code} {answer.text[:500]}")


def _json(answer: httpx2.Response) -> Any:
    if not answer.is_success:
        raise RuntimeError(f"{answer.request.method} {answer.url}: HTTP {answer.status_code} {answer.text[:500]}")
    return answer.json()
