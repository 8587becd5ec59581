"""A client that tries again whatever fails, with the same request each time, for as long as anybody would wait."""

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx2

Json = dict[str, Any]

PATIENCE_SECONDS = 60
_PAUSE_SECONDS = 0.1
_TRANSIENT = {409, 429, 500, 502, 503, 504}


class NeverAnsweredError(Exception):
    """A request that failed for as long as anybody would wait."""


class TurnFailedError(Exception):
    """A turn that did not end as it should have; sent again with the same otid, it is to go on."""


class StubbornClient:
    """Speaks to one address.

    Attributes:
        setbacks: statuses and errors that made it try again.
    """

    def __init__(self, url: str) -> None:
        self.setbacks: Counter[str] = Counter()
        self._http = httpx2.Client(base_url=url, trust_env=False, timeout=30)

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Json | None = None) -> Any:
        """The answer to a request."""
        return self.retried(lambda: self.once(method, path, body))

    def once(self, method: str, path: str, body: Json | None) -> Any:
        """One attempt."""
        response = self._http.request(method, path, json=body)
        response.raise_for_status()
        return response.json()

    def stream_once(self, path: str, body: Json) -> list[Json]:
        """The messages of a stream that ends with the end of its turn, in one attempt."""
        read: list[Json] = []
        with self._http.stream("POST", path, json=body) as response:
            if response.status_code != 200:
                response.read()
                response.raise_for_status()
            read.extend(json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {"))
        stops = [message["stop_reason"] for message in read if message["message_type"] == "stop_reason"]
        if stops != ["end_turn"]:
            raise TurnFailedError(f"a stream of {len(read)} messages ended with {stops}")
        return read

    def retried(self, send: Callable[[], Any]) -> Any:
        """What an attempt comes to, after as many as it takes.

        Raises:
            NeverAnsweredError: all failed, for a minute.
            RuntimeError: one was refused in a way that is no matter of trying again.
        """
        give_up = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                return send()
            except httpx2.HTTPStatusError as error:
                if error.response.status_code not in _TRANSIENT:
                    raise RuntimeError(f"{error}: {error.response.text[:300]}") from error
                problem = f"{error.response.status_code} {error.response.text[:300]}"
                self.setbacks[_name(error.response)] += 1
            except (httpx2.TransportError, TurnFailedError) as error:
                problem = f"{type(error).__name__}: {error}"
                self.setbacks[type(error).__name__] += 1
            if time.monotonic() > give_up:
                raise NeverAnsweredError(problem)
            time.sleep(_PAUSE_SECONDS)


def _name(response: httpx2.Response) -> str:
    """The status; of an error that nobody foresaw also what was said, as that is worth to be looked into."""
    return f"500 {response.text[:150]}" if response.status_code == 500 else str(response.status_code)
