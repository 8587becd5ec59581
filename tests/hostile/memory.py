"""How much memory a process takes while something is done to it."""

import threading

import psutil

MEGABYTE = 1024 * 1024


class MostMemory:
    """The most memory that a process had, meanwhile. A context manager."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.most = 0

    def _look(self) -> None:
        while not self._stop.wait(0.01):
            self.most = max(self.most, self._process.memory_info().rss)

    def __enter__(self) -> "MostMemory":
        self.before = self.most = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def growth(self) -> int:
        """How much more that was than at the beginning."""
        return self.most - self.before
