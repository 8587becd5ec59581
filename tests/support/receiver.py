"""An address that is told what has happened: of a callback, or of a webhook."""

import threading
from typing import Any

from tests.support.http_server import Answer, Answering, Request

Json = dict[str, Any]


class Receiver(Answering):
    """Receives what it is told. A context manager.

    Attributes:
        statuses: what it answers one after the other; then the usual one.
        length: how long it says that its answers are.
        held: nothing is received before this is set.
        received: what it was sent so far.
    """

    def __init__(self, usual: int = 200) -> None:
        super().__init__(self._receive)
        self._usual = usual
        self.statuses: list[int] = []
        self.length = 0
        self.held = threading.Event()
        self.held.set()
        self.received: list[Request] = []

    @property
    def address(self) -> str:
        """Where it is told."""
        return f"{self.url}/told"

    @property
    def told(self) -> list[Json]:
        """What it was told so far."""
        return [request.json() for request in self.received]

    def _receive(self, request: Request) -> Answer:
        self.held.wait()
        self.received.append(request)
        status = self.statuses.pop(0) if self.statuses else self._usual
        elsewhere = {"location": self.address} if status == 302 else {}
        return Answer(status=status, headers={"content-length": str(self.length)} | elsewhere)
