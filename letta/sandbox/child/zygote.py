"""The process that runs are forked from: it has all that they need loaded, and never runs a tool itself.

It reads, from a socket that it was given, messages that carry a connection each; see `supervisor` for what is said
there. It ends when the socket is closed.
"""

import contextlib
import gc
import importlib
import os
import signal
import socket
import sys
import time
from dataclasses import replace

from letta.sandbox.child import kernel
from letta.sandbox.child.confine import can_become, can_reach, readable_paths
from letta.sandbox.child.processes import tasks_of_user
from letta.sandbox.child.supervisor import Surroundings, serve_in_fork

_LOADED_BEFORE = ("asyncio", "dataclasses", "datetime", "enum", "random", "re", "typing", "urllib.parse", "pydantic")
_ALLOWED = {"letta_client"}
"""What a message may ask to be loaded as well."""
_COUNT_SECONDS = 10
_OOM_SCORE = "500"


def main(descriptor: int, first_user: int, directory: str) -> None:
    """Serve until the socket is closed.

    Args:
        descriptor: of the socket.
        first_user: the first of the user ids that tools run as, one for each that runs at the same time; used where
            this process is root. Descriptors that it was given beside the socket mark them as taken, and stay open.
        directory: where tools are put.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # runs that have ended need no waiting for
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write(_OOM_SCORE)
    kernel.set_dumpable(dumpable=False)
    control = socket.socket(fileno=descriptor)
    surroundings = _surroundings(first_user, directory)
    for name in _LOADED_BEFORE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    readable_paths()
    gc.collect()
    gc.freeze()
    counted, surroundings = _counted(-_COUNT_SECONDS, surroundings)
    while (connection := _next(control)) is not None:
        if os.fork() == 0:
            control.close()
            serve_in_fork(connection, surroundings)
        connection.close()
        counted, surroundings = _counted(counted, surroundings)


def _counted(last: float, surroundings: Surroundings) -> tuple[float, Surroundings]:
    """Count the user's threads again if it is a while since that was done. A user of the tool's own has none."""
    now = time.monotonic()
    if surroundings.user is not None or now - last < _COUNT_SECONDS:
        return last, surroundings
    return now, replace(surroundings, tasks_running=tasks_of_user(os.getuid()))


def _surroundings(first_user: int, directory: str) -> Surroundings:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if os.getuid() != 0 or not can_become(first_user):
            return Surroundings(None, reads_everywhere=False)
        return Surroundings(first_user, reads_everywhere=not can_reach(first_user, directory))
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def _next(control: socket.socket) -> socket.socket | None:
    message, descriptors, _, _ = socket.recv_fds(control, 4096, 1)
    if not message:
        return None
    for name in message.decode().split():
        if name in _ALLOWED and name not in sys.modules:
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
            gc.freeze()
    return socket.socket(fileno=descriptors[0])
