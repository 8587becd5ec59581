"""How often somebody may be wrong about the password."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

_ADDRESSES = 10_000
"""How many are remembered; the one that was wrong longest ago is forgotten first."""


class LoginAttempts:
    """Wrong passwords by address: some may come at once, and then one every few seconds.

    An address that has used them up isn't asked at all for a while, so that what it guesses tells it nothing. No other
    address notices.
    """

    def __init__(
        self, *, at_once: int = 20, seconds_each: float = 6.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds_each
        self._longest = at_once * seconds_each
        self._clock = clock
        self._free_again: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._free_again)

    def seconds_to_wait(self, address: str) -> int:
        """How long the address has to wait before its next attempt is looked at; 0 if it may try now."""
        free = self._free_again.get(address)
        if free is None:
            return 0
        excess = free - self._clock() + self._seconds - self._longest
        return max(0, math.ceil(excess))

    def was_wrong(self, address: str) -> bool:
        """Note a wrong password. Returns whether it was the last for now."""
        now = self._clock()
        self._free_again[address] = max(self._free_again.get(address, now), now) + self._seconds
        self._free_again.move_to_end(address)
        if len(self._free_again) > _ADDRESSES:
            self._free_again.popitem(last=False)
        return self.seconds_to_wait(address) > 0
