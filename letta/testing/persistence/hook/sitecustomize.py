"""Records what Python code writes to the file system. Imported by every Python process that finds it on its path.

Python tells of each such operation before it is carried out (PEP 578). Relative paths and those below a directory
descriptor are taken from the working directory.
"""

import os
import sys

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_TARGET = {"os.mkdir": 0, "os.truncate": 0, "os.chmod": 0, "os.chown": 0, "os.rename": 1, "os.link": 1, "os.symlink": 1}
_EVENTS = {"open", "socket.bind", *_TARGET}


def _target(event: str, arguments: tuple[object, ...]) -> object:
    if event == "open":
        flags = arguments[2]
        return arguments[0] if isinstance(flags, int) and flags & _WRITING else None
    if event == "socket.bind":
        return arguments[1]
    return arguments[_TARGET[event]]


def _install(log: str) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def record(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _EVENTS:
            return
        path = _target(event, arguments)
        if isinstance(path, os.PathLike):
            path = os.fspath(path)
        if isinstance(path, str | bytes) and path:
            os.write(descriptor, os.path.abspath(os.fsencode(path)).replace(b"\n", b"?") + b"\n")

    sys.addaudithook(record)


_install(os.environ["LETTA_WRITES_LOG"])
