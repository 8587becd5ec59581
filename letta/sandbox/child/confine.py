"""What a process makes of itself before it runs a tool: less and less, until only the tool's own directory is left."""

import os
import resource
import signal
import site
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

from letta.sandbox.child import kernel, landlock, seccomp

_NICENESS = 5
"""The server goes first."""
_OPEN_FILES = 256
_PROCESSES = 64
"""Processes and threads that one tool may have at once."""

_SYSTEM = ("/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/opt", "/nix/store")
_CONFIGURATION = (
    "alternatives",
    "ca-certificates",
    "gai.conf",
    "group",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "passwd",
    "pki",
    "protocols",
    "resolv.conf",
    "services",
    "ssl",
    "timezone",
)
_FACTS = ("/proc/cpuinfo", "/proc/meminfo", "/sys/devices/system/cpu")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Confines:
    """The limits of one run.

    Args:
        directory: where the tool may write, and where it is put.
        seconds: of the processor's time, for each process.
        memory_bytes: address space, for each process.
        file_bytes: size of a file.
        user: id to become, where we are root.
        reads_everywhere: whether that user needs to go where only root may, to reach Python or its directory.
    """

    directory: str
    seconds: int
    memory_bytes: int
    file_bytes: int
    user: int | None = None
    reads_everywhere: bool = False


def confine(confines: Confines, tasks_running: int) -> None:
    """Confine the calling process, and whatever it starts, for good.

    Args:
        confines: the limits.
        tasks_running: what the user that it will run as has running already.

    Raises:
        OSError: something could not be given up.
    """
    os.chdir(confines.directory)
    os.umask(0o077)
    rules = landlock.prepare(readable_paths(), [confines.directory, *_DEVICES])
    signals_stay = rules is not None and landlock.version() >= landlock.SIGNALS_FROM
    _limit(confines, tasks_running)
    _become(confines, keeps_reading=confines.reads_everywhere and rules is not None)
    kernel.renounce_privileges()
    os.nice(_NICENESS)
    _be_first_to_go()
    kernel.die_with_parent()
    if rules is not None:
        landlock.enforce(rules)
    seccomp.install(keep_signals_in=not signals_stay)


@cache
def readable_paths() -> tuple[str, ...]:
    """What a tool may read and execute: Python and the system's programs, and what finding hosts and zones takes."""
    return (*_SYSTEM, *(f"/etc/{name}" for name in _CONFIGURATION), *_FACTS, *_python())


def _python() -> Iterator[str]:
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    places |= {*site.getsitepackages(), *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))}
    yield from (place for place in sorted(places) if os.path.realpath(place) != "/")


def _limit(confines: Confines, tasks_running: int) -> None:
    for what, limit in (
        (resource.RLIMIT_CPU, confines.seconds),
        (resource.RLIMIT_AS, confines.memory_bytes),
        (resource.RLIMIT_FSIZE, confines.file_bytes),
        (resource.RLIMIT_NPROC, tasks_running + _PROCESSES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, most = resource.getrlimit(what)
        allowed = limit if most == resource.RLIM_INFINITY else min(limit, most)
        resource.setrlimit(what, (allowed, allowed))
    # A write beyond the limit is then an error that the tool is told of, instead of its end.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _become(confines: Confines, *, keeps_reading: bool) -> None:
    """Be the run's own user, and without capabilities; with one where Python can't be reached otherwise.

    Such a process reads only what Landlock lets it read.
    """
    if confines.user is not None:
        kernel.keep_capabilities()
        os.setgroups([])
        os.setresgid(confines.user, confines.user, confines.user)
        os.setresuid(confines.user, confines.user, confines.user)
    kept = (kernel.CAP_DAC_READ_SEARCH,) if keeps_reading else ()
    kernel.limit_capabilities(*kept)


def _be_first_to_go() -> None:
    """When memory runs out, the kernel shall end this process before the server."""
    kernel.set_dumpable(dumpable=True)  # else the file is root's
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        pass
    finally:
        kernel.set_dumpable(dumpable=False)


def can_become(user: int) -> bool:
    """Whether this process may become that user."""
    return _as_user(user, lambda: None)


def can_reach(user: int, directory: str) -> bool:
    """Whether a user could get at Python's library, at what is installed, and at things in a directory."""
    places = [os.path.dirname(os.__file__), *(place for place in site.getsitepackages() if os.path.isdir(place))]
    return _as_user(user, lambda: [*map(os.listdir, places), os.stat(os.path.join(directory, "."))])


def _as_user(user: int, attempt: Callable[[], object]) -> bool:
    """Whether something can be done without an error by a process that has become that user."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            attempt()
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
