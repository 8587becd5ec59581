"""A client that talks to one agent without pause, in several conversations, and knows what it was promised."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from letta.testing.scripted_model import Call, Reply
from tests.crash.stubborn import StubbornClient, TurnFailedError
from tests.crash.world import World

Json = dict[str, Any]

_NOTHING = "Nothing yet."
_BLOCKS = ("notes", "approved", "patched")
_TOOLS = ("memory_insert", "memory_rethink", "core_memory_replace", "archival_memory_insert", "fetch_webpage")
_MOST_CONVERSATIONS = 4
_THINKING_SECONDS = 0.02


class Talker:
    """One agent and its client.

    Attributes:
        said: what was acknowledged: the texts of each conversation (``None``: the default one), in order.
        blocks: the value that each block was last given, as acknowledged.
        shared: the lines that were put into the block which all agents share.
        passages: the texts that the agent was told to remember, in order.
        fetched: the pages that it was told to fetch.
        streams: what background runs said of which a stream was read to its end, by run. Forgotten once it was checked.
        complaints: what went wrong that isn't a matter of trying again.
        done: how often it did what.
    """

    def __init__(self, number: int, world: World, shared: str) -> None:
        self.name = f"agent {number}"
        self.said: dict[str | None, list[str]] = {None: []}
        self.blocks: dict[str, str] = dict.fromkeys(_BLOCKS, _NOTHING)
        self.shared: list[str] = []
        self.passages: list[str] = []
        self.fetched: list[str] = []
        self.streams: dict[str, str] = {}
        self.complaints: list[str] = []
        self.done: Counter[str] = Counter()
        self._client = StubbornClient(world.front.url)
        self._model = world.model
        self._page = world.page
        self._count = 0
        self._number = number
        self._pause = threading.Event()
        self._thread: threading.Thread | None = None
        self.id = self._create(shared)
        self._open(random.Random(), None)

    @property
    def setbacks(self) -> Counter[str]:
        """Statuses and errors that made it try again."""
        return self._client.setbacks

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
        for conversation in list(self.said):
            self._guarded(partial(self._plain, random.Random(self._count), conversation))

    def history(self, conversation: str | None) -> list[Json]:
        """All messages, oldest first."""
        query = "order=asc&limit=1000" + ("" if conversation else "&conversation_id=default")
        found: list[Json] = self._client.ask("GET", f"{self._path(conversation)}?{query}")
        if len(found) >= 1000:
            raise RuntimeError("the conversation is too long for this check")
        return found

    def value(self, label: str) -> str:
        """The value of a block now."""
        return str(self._client.ask("GET", f"/v1/agents/{self.id}/core-memory/blocks/{label}")["value"])

    def remembered(self) -> list[str]:
        """The passages in the agent's archive now, oldest first."""
        found = self._client.ask("GET", f"/v1/agents/{self.id}/archival-memory?ascending=true&limit=1000")
        return [passage["text"] for passage in found]

    def conversations(self) -> set[str]:
        """The agent's conversations now, without the default one."""
        found = self._client.ask("GET", f"/v1/conversations/?agent_id={self.id}&limit=200")
        return {conversation["id"] for conversation in found}

    def read_again(self, run_id: str) -> list[Json]:
        """The stream of a background run, from its beginning."""
        messages: list[Json] = self._client.retried(
            partial(self._client.stream_once, f"/v1/runs/{run_id}/stream", {"starting_after": 0})
        )
        return messages

    def close(self) -> None:
        self._client.close()

    def _create(self, shared: str) -> str:
        body = {
            "model": "openai-proxy/gpt-4o-mini",
            "embedding": "openai/text-embedding-3-small",
            "include_base_tools": False,
            "include_base_tool_rules": False,
            "tools": list(_TOOLS),
            "memory_blocks": [{"label": label, "value": _NOTHING} for label in _BLOCKS],
            "block_ids": [shared],
            "tool_rules": [{"type": "requires_approval", "tool_name": "core_memory_replace"}],
        }
        return str(self._client.ask("POST", "/v1/agents", body)["id"])

    def _talk(self, chance: random.Random) -> None:
        actions = (
            *(self._plain, self._edit, self._edit_shared, self._approve, self._background),
            *(self._patch, self._remember, self._fetch),
        )
        while not self._pause.is_set():
            action = chance.choice(actions)
            if len(self.said) < _MOST_CONVERSATIONS and chance.random() < 0.05:
                action = self._open
            self._guarded(partial(action, chance, chance.choice(list(self.said))))
            self.done[action.__name__.removeprefix("_")] += 1
            time.sleep(_THINKING_SECONDS)

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
        answer = self._next("answer")
        text = self._script([Reply(answer, chunk_delay=0.02)])
        message = {"role": "user", "content": text, "otid": str(uuid.uuid4())}
        body = {"messages": [message], "streaming": True, "background": True, "stream_tokens": True}
        read = self._client.retried(partial(self._client.stream_once, self._path(conversation), body))
        self._acknowledge(conversation, text)
        self.streams[read[0]["run_id"]] = answer

    def _patch(self, _chance: random.Random, _conversation: str | None) -> None:
        value = self._next("value")
        self._client.ask("PATCH", f"/v1/agents/{self.id}/core-memory/blocks/patched", {"value": value})
        self.blocks["patched"] = value

    def _remember(self, _chance: random.Random, conversation: str | None) -> None:
        passage = self._next("passage")
        call = Call("archival_memory_insert", {"content": passage})
        self._turn(conversation, [Reply(calls=[call]), Reply(self._next("answer"), delay=0.05)])
        self.passages.append(passage)

    def _fetch(self, _chance: random.Random, conversation: str | None) -> None:
        """A tool with an effect that no transaction takes back."""
        path = f"{self.id}-{self._next('page')}"
        call = Call("fetch_webpage", {"url": self._page.page(path)})
        self._turn(conversation, [Reply(calls=[call]), Reply(self._next("answer"))])
        self.fetched.append(path)

    def _open(self, _chance: random.Random, _conversation: str | None) -> None:
        made = self._client.ask("POST", f"/v1/conversations/?agent_id={self.id}", {})
        self.said[str(made["id"])] = []

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
        self.said[conversation].append(text)

    def _path(self, conversation: str | None) -> str:
        return f"/v1/conversations/{conversation}/messages" if conversation else f"/v1/agents/{self.id}/messages"

    def _send(self, conversation: str | None, message: Json, end: str) -> Json:
        def send() -> Json:
            body = {"messages": [message], "streaming": False}
            answer: Json = self._client.once("POST", self._path(conversation), body)
            if answer["stop_reason"]["stop_reason"] != end:
                raise TurnFailedError(f"stop_reason {answer['stop_reason']['stop_reason']} instead of {end}")
            return answer

        answer: Json = self._client.retried(send)
        return answer
