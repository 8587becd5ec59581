"""The requests that a scripted model was sent, kept for assertions."""

import hashlib
import json
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any, Literal

KEY_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "api-key"})

Outcome = Literal["pending", "answered", "cut", "abandoned"]


def fingerprint(key: str) -> str:
    """What is recorded in place of an API key."""
    return hashlib.sha256(key.encode()).hexdigest()


@dataclass
class RecordedRequest:
    """One request. `headers` has lower-case names and no key; `at` is seconds since the epoch.

    `outcome` is `abandoned` when the client went away before the reply was complete.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    raw: bytes
    key_fingerprint: str | None = None
    at: float = field(default_factory=time.time)
    outcome: Outcome = "pending"

    @cached_property
    def body(self) -> Any:
        """The decoded JSON body; None when there was none."""
        return json.loads(self.raw) if self.raw else None

    def used_key(self, key: str) -> bool:
        """Whether the request was authorised with this key."""
        return self.key_fingerprint == fingerprint(key)

    def contains(self, text: str) -> bool:
        """Whether the text stands somewhere in the body, in whichever way its JSON is escaped."""
        return any(json.dumps(text, ensure_ascii=a)[1:-1].encode() in self.raw for a in (False, True))


class Recorder:
    """The last requests, oldest first. Safe to use from several threads."""

    def __init__(self, keep: int) -> None:
        self._lock = Lock()
        self._requests: deque[RecordedRequest] = deque(maxlen=keep)

    def add(self, request: RecordedRequest) -> None:
        with self._lock:
            self._requests.append(request)

    def find(self, containing: str = "", path: str = "") -> list[RecordedRequest]:
        with self._lock:
            requests = list(self._requests)
        return [r for r in requests if path in r.path and (not containing or r.contains(containing))]

    def reset(self) -> None:
        with self._lock:
            self._requests.clear()
