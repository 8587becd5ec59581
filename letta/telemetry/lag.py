"""How late the event loop is: what holds it up holds up every request."""

import asyncio
import time

from letta.telemetry import metrics

_EVERY_SECONDS = 0.5
_UNTIL_FORGOTTEN_SECONDS = 600
"""How long it is measured after somebody last asked: an idle process that nobody watches has nothing to wake up for."""


class LagMeter:
    """Measures from the first time that somebody asks for figures, until nobody has for a while."""

    def __init__(self) -> None:
        self._asked = 0.0
        self._runs = False

    def keep_on(self) -> None:
        """Somebody has asked."""
        self._asked = time.monotonic()
        if not self._runs:
            self._runs = True
            self._wait()

    def _wait(self) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(_EVERY_SECONDS, self._measure, loop.time() + _EVERY_SECONDS)

    def _measure(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        metrics.event_loop_lag.observe(max(0.0, now - due))
        self._runs = time.monotonic() - self._asked < _UNTIL_FORGOTTEN_SECONDS
        if self._runs:
            self._wait()
