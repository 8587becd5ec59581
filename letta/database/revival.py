"""Bringing a database back that is ours to start."""

import logging
import threading
import time
from collections.abc import Callable

from letta.errors import ConfigurationError

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 5.0
"""From one attempt to the next, whatever came of it."""
_LAST_SECONDS = 60.0


class Revival:
    """Attempts to bring a database back: in the background, one at a time, and not all the time.

    Args:
        revive: brings it back, however long that takes; does nothing if it's there.
        name: of what is brought back, for people.
    """

    def __init__(self, revive: Callable[[], None], name: str) -> None:
        self._revive = revive
        self._name = name
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        self._problem: str | None = None
        self._over = False

    def begin(self) -> None:
        """Begin an attempt, unless one is under way or was a moment ago."""
        with self._lock:
            if self._over or self._is_under_way() or time.monotonic() < self._not_before:
                return
            self._thread = threading.Thread(target=self._attempt, name="revival", daemon=True)
            self._thread.start()

    def end(self) -> None:
        """Wait for an attempt that is under way, and begin no other."""
        with self._lock:
            self._over = True
        if self._thread is not None:
            self._thread.join(_LAST_SECONDS)

    @property
    def news(self) -> str:
        """How things stand: a sentence for whoever couldn't be served meanwhile."""
        if self._problem and not self._is_under_way():
            return f"{self._name} is not running and could not be started: see the server log. The server keeps trying."
        return f"{self._name} was not running and is being started: try again in a moment."

    def _is_under_way(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _attempt(self) -> None:
        logger.warning("%s is not running and is being started", self._name)
        try:
            self._revive()
        except ConfigurationError as error:
            self._problem = error.detail
            logger.error("%s", error.detail)  # noqa: TRY400 - the detail says it all
        except Exception:
            self._problem = "a bug in this server"
            logger.exception("%s could not be started", self._name)
        else:
            self._problem = None
            logger.warning("%s is running again", self._name)
        finally:
            self._not_before = time.monotonic() + _PAUSE_SECONDS
