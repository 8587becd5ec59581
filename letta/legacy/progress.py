"""Telling how far it is: a line that changes on a terminal, lines now and then elsewhere."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

_SECONDS_BETWEEN = 10.0
_WIDTH = 24


class Progress:
    """Shows a bar for the section that is under way."""

    def __init__(self, total: Callable[[str], int], file: TextIO = sys.stderr) -> None:
        self._total = total
        self._file = file
        self._live = file.isatty()
        self._section = ""
        self._done = 0
        self._told = 0.0

    def show(self, section: str, done: int) -> None:
        """So many rows of a section are done."""
        if (section, done) == (self._section, self._done):
            return
        total = max(self._total(section), done)
        if self._live:
            new_line = "\n" if self._section and section != self._section else ""
            self._write(f"{new_line}\r{_bar(section, done, total)}")
        elif section != self._section or done == total or time.monotonic() - self._told > _SECONDS_BETWEEN:
            if total:
                self._write(f"{section}: {done:,} of {total:,}\n")
            self._told = time.monotonic()
        self._section, self._done = section, done

    def end(self) -> None:
        """Leave the line."""
        if self._live and self._section:
            self._write("\n")

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


def _bar(section: str, done: int, total: int) -> str:
    share = done / total if total else 1.0
    filled = round(share * _WIDTH)
    return f"{section:28}[{'#' * filled}{'.' * (_WIDTH - filled)}] {done:>10,} of {total:,}"
