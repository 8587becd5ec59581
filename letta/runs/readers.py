"""How many may follow runs at once. Whoever reads a run holds a connection and some memory, whatever comes of it."""

from collections.abc import Iterator
from contextlib import contextmanager

from letta.errors import UnavailableError


class Readers:
    """The requests of this process that follow a run: open streams, and those that wait for a whole answer."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._present = 0

    def __len__(self) -> int:
        """How many there are."""
        return self._present

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among them.

        Raises:
            UnavailableError: all are taken.
        """
        if self._present >= self._most:
            raise UnavailableError(
                f"The server has reached its limit of {self._most} requests that follow runs (LETTA_MAX_READERS). "
                "Close streams that are no longer needed, or try again in a few seconds."
            )
        self._present += 1
        try:
            yield
        finally:
            self._present -= 1
