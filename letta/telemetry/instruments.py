"""Counting and timing, cheaply enough for every statement and every request.

Nothing but dictionaries: the library that writes them in Prometheus' format is loaded when somebody first asks.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

Labels = tuple[str, ...]

MOST_SERIES = 1000
"""Combinations of labels that are kept apart in one figure; whatever is new beyond that counts as ``other``."""
OTHER = "other"

SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Bounds, in seconds, for what the server does itself."""
LONG = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)
"""Bounds, in seconds, for what waits for a model or a tool."""


class Instrument:
    """A figure, kept for each combination of its labels."""

    def __init__(self, name: str, description: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.description = description
        self.labels = tuple(labels)
        self._lock = Lock()


class Counter(Instrument):
    """How often something happened, or how much of something there was: it only grows."""

    def __init__(self, name: str, description: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, description, labels)
        self._values: dict[Labels, float] = {}

    def add(self, *labels: str, amount: float = 1) -> None:
        """Count. Safe from any thread."""
        values = self._values
        with self._lock:
            if labels not in values and len(values) >= MOST_SERIES:
                labels = (OTHER,) * len(labels)
            values[labels] = values.get(labels, 0) + amount

    def read(self) -> dict[Labels, float]:
        """All values so far."""
        with self._lock:
            return dict(self._values)


class Level(Counter):
    """How much of something there is now: it may fall as well."""

    def set(self, value: float, *labels: str) -> None:
        """Say how much it is."""
        with self._lock:
            self._values[labels] = value


@dataclass(frozen=True, slots=True)
class Distribution:
    """How many durations there were up to each bound (the last one is infinity), and their sum."""

    counts: tuple[int, ...]
    total: float


class Histogram(Instrument):
    """How long something took."""

    def __init__(
        self, name: str, description: str, labels: Sequence[str] = (), *, bounds: Sequence[float] = SHORT
    ) -> None:
        super().__init__(name, description, labels)
        self.bounds = tuple(bounds)
        self._counts: dict[Labels, list[int]] = {}
        self._totals: dict[Labels, float] = {}

    def observe(self, seconds: float, *labels: str) -> None:
        """Note a duration. Safe from any thread."""
        place = bisect_left(self.bounds, seconds)
        with self._lock:
            counts = self._counts.get(labels)
            if counts is None:
                if len(self._counts) >= MOST_SERIES:
                    labels = (OTHER,) * len(labels)
                counts = self._counts.setdefault(labels, [0] * (len(self.bounds) + 1))
            counts[place] += 1
            self._totals[labels] = self._totals.get(labels, 0.0) + seconds

    def read(self) -> dict[Labels, Distribution]:
        """All that was noted so far."""
        with self._lock:
            return {key: Distribution(tuple(counts), self._totals[key]) for key, counts in self._counts.items()}
