"""The time that a streamed answer may take."""

import time

from letta.llm.errors import timed_out
from letta.settings import settings


class Deadline:
    """Begins when it is made."""

    def __init__(self) -> None:
        self._end = time.monotonic() + settings.llm_stream_timeout_seconds

    def check(self) -> None:
        """Has to be called with every piece of the answer.

        Raises:
            LlmTimeoutError: the time is over.
        """
        if time.monotonic() > self._end:
            raise timed_out(streamed=True)
