"""Files of ours below the data directory: private, written whole, and safe against links put in their place.

A server that runs as root shares that directory with the unprivileged user that Postgres runs as.
"""

import fcntl
import os
from pathlib import Path

DRAFT_SUFFIX = ".draft"
"""Ends the name of what isn't complete yet, and may be removed if it is found."""


def open_private(path: Path, flags: int) -> int:
    """A descriptor of a file that only its owner can read; made if it doesn't exist."""
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, 0o600)


def write_private(path: Path, text: str) -> None:
    """Replace a file's content at once and for good: after a power failure it is the old or the new one."""
    draft = path.with_name(path.name + DRAFT_SUFFIX)
    draft.unlink(missing_ok=True)
    with open(open_private(draft, os.O_WRONLY | os.O_EXCL), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make sure that names given or changed in it outlast a power failure."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def try_lock(descriptor: int, kind: int) -> bool:
    """Take a file lock (``fcntl.LOCK_EX`` or ``LOCK_SH``) if it can be had at once."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
