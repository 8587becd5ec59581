"""Watching and ending all that a tool has started."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

_PAGE = os.sysconf("SC_PAGE_SIZE")
_KILL_SECONDS = 10.0
_PAUSE_SECONDS = 0.005


def descendants(of: int) -> list[int]:
    """The processes that this one has started, and those that they have, and so on."""
    found: list[int] = []
    waiting = [of]
    by_parent: dict[int, list[int]] | None = None
    while waiting:
        pid = waiting.pop()
        children = _children(pid)
        if children is None:  # the kernel doesn't list them
            by_parent = _all_by_parent() if by_parent is None else by_parent
            children = by_parent.get(pid, [])
        found += children
        waiting += children
    return found


def resident_bytes(pid: int) -> int:
    """The memory that is a process's own; 0 when it has ended."""
    try:
        with open(f"/proc/{pid}/statm") as statm:
            _, resident, shared, *_ = statm.read().split()
    except OSError:
        return 0
    return (int(resident) - int(shared)) * _PAGE


def tasks_of_user(uid: int) -> int:
    """How many threads this user has running, which is what the limit on processes counts."""
    count = 0
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/status") as status:
                fields = dict(line.partition(":")[::2] for line in status)
        except OSError:
            continue
        if int(fields["Uid"].split()[0]) == uid:
            count += int(fields["Threads"])
    return count


def kill_all_of_user(uid: int) -> None:
    """Kill whatever runs as this user, in one stroke that nothing can outrun. Only for a user of the tool's own."""
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        os._exit(0)
    os.waitpid(pid, 0)


def kill_descendants() -> None:
    """Kill all that this process has started. They are stopped first, so that they can't start others meanwhile."""
    deadline = time.monotonic() + _KILL_SECONDS
    while not reaped_all() and time.monotonic() < deadline:
        stopped: set[int] = set()
        while fresh := set(descendants(os.getpid())) - stopped:
            _signal(fresh, signal.SIGSTOP)
            stopped |= fresh
        _signal(stopped, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


def reaped_all() -> bool:
    """Take notice of children that have ended. Returns whether none is left."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        if pid == 0:
            return False


def _signal(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _children(pid: int) -> list[int] | None:
    """The children of all threads of a process; None where there is no such list."""
    children: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as listed:
                children += [int(child) for child in listed.read().split()]
    except FileNotFoundError:
        return None if os.path.exists(f"/proc/{pid}") else children
    except OSError:
        return children
    return children


def _all_by_parent() -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for pid in _pids():
        try:
            with open(f"/proc/{pid}/stat") as stat:
                parent = int(stat.read().rpartition(")")[2].split()[1])
        except OSError:
            continue
        found.setdefault(parent, []).append(pid)
    return found


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())
