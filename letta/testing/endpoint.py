"""What a test does with a scripted model, whether that runs in its own process or in another."""

import time
import uuid
from abc import ABC, abstractmethod

from letta.testing.model.book import marker
from letta.testing.model.recorder import RecordedRequest
from letta.testing.model.script import Failure, Reply, Scenario


class Endpoint(ABC):
    """What a test does with a scripted model, wherever that runs."""

    url: str

    @property
    def base_url(self) -> str:
        """The value for OPENAI_BASE_URL."""
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        """The value for ANTHROPIC_BASE_URL."""
        return self.url

    @property
    def google_url(self) -> str:
        """The value for GEMINI_BASE_URL."""
        return self.url

    def script(self, *steps: Reply, without_tools: Reply | None = None) -> "Script":
        """Register replies, to be given in this order.

        `without_tools` answers the requests that bear the script's marker but offer no tools (summaries).
        """
        key = uuid.uuid4().hex[:12]
        self.register(key, Scenario(steps, without_tools))
        return Script(self, key)

    @abstractmethod
    def register(self, key: str, scenario: Scenario) -> None:
        """Register replies under a key of one's own choice (letters, digits, `_` and `-`)."""

    @abstractmethod
    def set_default(self, reply: Reply) -> None:
        """The reply to requests without a script, and behind the last step of one."""

    @abstractmethod
    def fail(self, path: str, failure: Failure | None) -> None:
        """Let every request whose path ends so (`/embeddings`) fail; None mends it."""

    @abstractmethod
    def release(self, key: str) -> None:
        """Let the held replies of a script go, and those still to come."""

    @abstractmethod
    def requests(self, containing: str = "", path: str = "") -> list[RecordedRequest]:
        """The requests so far, oldest first, whose body contains the one text and whose path the other."""

    @abstractmethod
    def reset(self) -> None:
        """Forget all scripts, failures and requests."""


class Script:
    """A registered script. Made by `Endpoint.script`."""

    def __init__(self, endpoint: Endpoint, key: str) -> None:
        self._endpoint = endpoint
        self._key = key

    @property
    def marker(self) -> str:
        """The text to have in a user message."""
        return marker(self._key)

    def say(self, text: str = "Please go on.") -> str:
        """A user message that asks for this script."""
        return f"{text} {self.marker}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests that bore the marker, oldest first."""
        return self._endpoint.requests(containing=self.marker)

    def release(self) -> None:
        """Let the replies with `hold` go."""
        self._endpoint.release(self._key)

    def wait_asked(self, count: int = 1, timeout: float = 30.0) -> list[RecordedRequest]:
        """The requests, as soon as there are that many; TimeoutError if there never are."""
        deadline = time.monotonic() + timeout
        while len(found := self.requests) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the model was asked {len(found)} times in {timeout} s, not {count} times")
            time.sleep(0.005)
        return found
