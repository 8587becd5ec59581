"""Imports, and ends like a crash after so many pages: python -m tests.legacy.crashing PAGES.

Exits with 9 when it has crashed, and with 0 when it has come to the end before.
"""

import os
import sys

from letta.legacy.command import Wish, import_legacy
from letta.legacy.progress import Progress
from letta.settings import settings


def main() -> None:
    left = int(sys.argv[1])
    show = Progress.show

    def crash(self: Progress, section: str, done: int) -> None:
        nonlocal left
        show(self, section, done)
        left -= 1
        if left == 0:
            os._exit(9)

    def say(text: str) -> None:
        print(text)

    setattr(Progress, "show", crash)  # noqa: B010 - mypy has it so
    import_legacy(settings, Wish(), say)


if __name__ == "__main__":
    main()
