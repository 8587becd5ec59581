"""A web site that counts who came, to show how often a tool took effect."""

import time
from collections import Counter

from tests.support.http_server import Answer, Answering, Request


class CountingPage(Answering):
    """Answers every path, after a moment. A context manager; what it counts is kept by path."""

    def __init__(self, seconds: float = 0.0) -> None:
        """``seconds`` is how long each answer takes."""
        super().__init__(self._note)
        self.seconds = seconds

    def page(self, path: str) -> str:
        """The address of a page."""
        return f"{self.url}/{path}"

    @property
    def visits(self) -> Counter[str]:
        """How often each path was asked for."""
        return Counter(path.removeprefix("/") for path in self.paths)

    def twice(self) -> list[str]:
        """The paths that were asked for more than once."""
        return [path for path, count in self.visits.items() if count > 1]

    def _note(self, _request: Request) -> Answer:
        time.sleep(self.seconds)
        return Answer(b"Noted.")
