"""A client that talks to one agent without pause, tries again whatever fails, and knows what it was promised."""

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import httpx2

from letta.testing.scripted_model import Call, Reply, ScriptedModel
from letta.testing.server import ServerProcess

Json = dict[str, Any]

PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.1
_TRANSIENT = {409, 429, 500, 502, 503, 504}
_NOTHING = "Nothing yet."
_BLOCKS = ("notes", "approved", "patched")


class NeverAnsweredError(Exception):
    """A request that failed for as long as anybody would wait."""


class TurnFailedError(Exception):
    """A turn that did not end as it should have; sent again with the same otid, it is to go on."""


class Talker:
    """One agent and its client.

    Attributes:
        said: what was acknowledged: the texts of each conversation (``None``: the default one), in order.
        blocks: the value that each block was last given, as acknowledged.
        shared: the lines that were put into the block which all agents share.
        complaints: what went wrong that isn't a matter of trying again.
        done: how often it did what.
        setbacks: statuses and errors that made it try again.
    """

    def __init__(self, number: int, servers: Sequence[ServerProcess], model: ScriptedModel, shared: str) -> None:
        self.name = f"agent {number}"
        self.said: dict[str | None, list[str]] = {}
        self.blocks: dict[str, str] = dict.fromkeys(_BLOCKS, _NOTHING)
        self.shared: list[str] = []
        self.complaints: list[str] = []
        self.done: Counter[str] = Counter()
        self.setbacks: Counter[str] = Counter()
        self._servers = servers
        self._model = model
        self._count = 0
        self._number = number
        self._http = httpx2.Client(trust_env=False, timeout=30)
        self._pause = threading.Event()
        self._thread: threading.Thread | None = None
        self.id = self._create(shared)
        self.conversation: str = self._ask("POST", f"/v1/conversations/?agent_id={self.id}", {})["id"]

    def start(self, seed: int) -> None:
        """Talk, until told to pause."""
        self._pause.clear()
        self._thread = threading.Thread(target=self._talk, args=(random.Random(seed),), daemon=True)
        self._thread.start()

    def pause(self) -> None:
        """Finish what was begun."""
        self._pause.set()
        if self._thread is not None:
            self._thread.join()

    def check_alive(self) -> None:
        """One more turn in each conversation."""
        chance = random.Random(self._count)
        self._guarded(lambda: self._plain(chance, None))
        self._guarded(lambda: self._plain(chance, self.conversation))

    def history(self, conversation: str | None) -> list[Json]:
        """All messages, oldest first."""
        path = f"/v1/conversations/{conversation}/messages" if conversation else f"/v1/agents/{self.id}/messages"
        query = "order=asc&limit=1000" + ("" if conversation else "&conversation_id=default")
        found: list[Json] = self._ask("GET", f"{path}?{query}")
        if len(found) >= 1000:
            raise RuntimeError("the conversation is too long for this check")
        return found

    def value(self, label: str) -> str:
        """The value of a block now."""
        return str(self._ask("GET", f"/v1/agents/{self.id}/core-memory/blocks/{label}")["value"])

    def close(self) -> None:
        self._http.close()

    def _create(self, shared: str) -> str:
        body = {
            "model": "openai-proxy/gpt-4o-mini",
            "include_base_tools": False,
            "include_base_tool_rules": False,
            "tools": ["memory_insert", "memory_rethink", "core_memory_replace"],
            "memory_blocks": [{"label": label, "value": _NOTHING} for label in _BLOCKS],
            "block_ids": [shared],
            "tool_rules": [{"type": "requires_approval", "tool_name": "core_memory_replace"}],
        }
        return str(self._ask("POST", "/v1/agents", body)["id"])

    def _talk(self, chance: random.Random) -> None:
        actions = (self._plain, self._plain, self._edit, self._edit_shared, self._approve, self._background)
        while not self._pause.is_set():
            conversation = chance.choice((None, self.conversation))
            action = chance.choice((*actions, self._patch))
            self._guarded(partial(action, chance, conversation))
            self.done[action.__name__.removeprefix("_")] += 1

    def _guarded(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # whatever it is, it is a finding
            self.complaints.append(f"{type(error).__name__}: {error}")

    # What a client does

    def _plain(self, _chance: random.Random, conversation: str | None) -> None:
        self._turn(conversation, [Reply(self._next("answer"), delay=0.05)])

    def _edit(self, _chance: random.Random, conversation: str | None) -> None:
        value = self._next("value")
        call = Call("memory_rethink", {"label": "notes", "new_memory": value})
        self._turn(conversation, [Reply(calls=[call], delay=0.05), Reply(self._next("answer"), delay=0.05)])
        self.blocks["notes"] = value

    def _edit_shared(self, _chance: random.Random, conversation: str | None) -> None:
        line = self._next("line")
        call = Call("memory_insert", {"label": "shared", "new_string": line})
        self._turn(conversation, [Reply(calls=[call]), Reply(self._next("answer"), delay=0.05)])
        self.shared.append(line)

    def _approve(self, chance: random.Random, conversation: str | None) -> None:
        value, approve = self._next("value"), chance.random() < 0.7
        edit = {"label": "approved", "old_content": self.blocks["approved"], "new_content": value}
        replies = [Reply(calls=[Call("core_memory_replace", edit)]), Reply(self._next("answer"))]
        asked = self._turn(conversation, replies, "requires_approval")
        (request,) = [m for m in asked["messages"] if m["message_type"] == "approval_request_message"]
        decision = {"type": "approval", "tool_call_id": request["tool_call"]["tool_call_id"], "approve": approve}
        answer = {"type": "approval", "otid": str(uuid.uuid4()), "approvals": [decision]}
        self._send(conversation, answer, "end_turn")
        if approve:
            self.blocks["approved"] = value

    def _background(self, _chance: random.Random, conversation: str | None) -> None:
        text = self._script([Reply(self._next("answer"), chunk_delay=0.02)])
        message = {"role": "user", "content": text, "otid": str(uuid.uuid4())}
        body = {"messages": [message], "streaming": True, "background": True, "stream_tokens": True}
        self._retried(lambda: self._read_stream(self._path(conversation), body))
        self._acknowledge(conversation, text)

    def _patch(self, _chance: random.Random, _conversation: str | None) -> None:
        value = self._next("value")
        self._ask("PATCH", f"/v1/agents/{self.id}/core-memory/blocks/patched", {"value": value})
        self.blocks["patched"] = value

    # How it does it

    def _next(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._number}-{self._count}."

    def _script(self, replies: Sequence[Reply]) -> str:
        return self._model.script(*replies).say(self._next("question"))

    def _turn(self, conversation: str | None, replies: Sequence[Reply], end: str = "end_turn") -> Json:
        text = self._script(replies)
        message = {"role": "user", "content": text, "otid": str(uuid.uuid4())}
        answer = self._send(conversation, message, end)
        self._acknowledge(conversation, text)
        return answer

    def _acknowledge(self, conversation: str | None, text: str) -> None:
        self.said.setdefault(conversation, []).append(text)

    def _path(self, conversation: str | None) -> str:
        return f"/v1/conversations/{conversation}/messages" if conversation else f"/v1/agents/{self.id}/messages"

    def _send(self, conversation: str | None, message: Json, end: str) -> Json:
        def send() -> Json:
            answer: Json = self._once("POST", self._path(conversation), {"messages": [message], "streaming": False})
            if answer["stop_reason"]["stop_reason"] != end:
                raise TurnFailedError(f"stop_reason {answer['stop_reason']['stop_reason']} instead of {end}")
            return answer

        answer: Json = self._retried(send)
        return answer

    def _read_stream(self, path: str, body: Json) -> None:
        """Start a background run and read it to its end; where the stream breaks, read on from there."""
        url, run_id, last = self._server().url, "", 0
        with self._http.stream("POST", url + path, json=body) as response:
            if response.status_code != 200:
                response.read()
                response.raise_for_status()
            for line in response.iter_lines():
                if not line.startswith("data: {"):
                    continue
                event = json.loads(line[6:])
                run_id, last = event.get("run_id") or run_id, event.get("seq_id") or last
                if event["message_type"] == "stop_reason":
                    if event["stop_reason"] == "end_turn":
                        return
                    raise TurnFailedError(f"stop_reason {event['stop_reason']} in a stream")
        raise TurnFailedError(f"the stream of {run_id} ended at {last} without a stop reason")

    def _ask(self, method: str, path: str, body: Json | None = None) -> Any:
        return self._retried(lambda: self._once(method, path, body))

    def _once(self, method: str, path: str, body: Json | None) -> Any:
        response = self._http.request(method, self._server().url + path, json=body)
        response.raise_for_status()
        return response.json()

    def _server(self) -> ServerProcess:
        return self._servers[int(time.monotonic() * 10) % len(self._servers)]

    def _retried(self, send: Callable[[], Any]) -> Any:
        """The answer, after as many attempts as it takes. Whatever is sent is the same each time."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return send()
            except httpx2.HTTPStatusError as error:
                if error.response.status_code not in _TRANSIENT:
                    raise RuntimeError(f"{error}: {error.response.text[:300]}") from error
                problem = f"{error.response.status_code} {error.response.text[:300]}"
                self.setbacks[str(error.response.status_code)] += 1
            except (httpx2.TransportError, TurnFailedError) as error:
                problem = f"{type(error).__name__}: {error}"
                self.setbacks[type(error).__name__] += 1
            if time.monotonic() > give_up:
                raise NeverAnsweredError(problem)
            time.sleep(_PAUSE_SECONDS)
