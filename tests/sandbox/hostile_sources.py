"""What tools try that mean harm. Each source has one function, `f`, which returns what it got hold of."""

EVERY_PROCESS = '''
import os
try:
    PIDS = [int(name) for name in os.listdir("/proc") if name.isdigit()]
except OSError:
    PIDS = []
PIDS = [pid for pid in {*PIDS, *SERVER, os.getppid(), 1} if pid != os.getpid()]

def tried(action):
    """The processes with which it went well."""
    done = []
    for pid in PIDS:
        try:
            action(pid)
        except Exception:
            continue
        done.append(pid)
    return done
'''

ENVIRONMENTS = (
    EVERY_PROCESS
    + '''
def f():
    """Read environments."""
    found = []
    tried(lambda pid: found.append(open(f"/proc/{pid}/environ", "rb").read().decode("latin-1")))
    return found
'''
)

MEMORY = (
    EVERY_PROCESS
    + '''
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

def attach(pid):
    if libc.ptrace(16, pid, None, None) != 0:
        raise OSError
    libc.ptrace(17, pid, None, None)

def copy(pid):
    class Vector(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]
    here = ctypes.create_string_buffer(8)
    mine, theirs = Vector(ctypes.addressof(here), 8), Vector(ctypes.addressof(here), 8)
    if libc.process_vm_readv(pid, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) < 0:
        raise OSError

def f():
    """Read memory."""
    return {
        "mem": tried(lambda pid: open(f"/proc/{pid}/mem", "rb").close()),
        "maps": tried(lambda pid: open(f"/proc/{pid}/maps").read()[0]),  # those of the kernel have none
        "fd": tried(lambda pid: os.listdir(f"/proc/{pid}/fd")),
        "ptrace": tried(attach),
        "process_vm_readv": tried(copy),
    }
'''
)

SIGNALS = (
    EVERY_PROCESS
    + '''
import ctypes, resource, signal
libc = ctypes.CDLL(None, use_errno=True)

def checked(result):
    if result < 0:
        raise OSError

def f():
    """Reach other processes. Signal 0 only asks whether one may."""
    return {
        "kill": tried(lambda pid: os.kill(pid, 0)),
        "group": tried(lambda pid: os.killpg(pid, 0) if pid > 1 else 1 / 0),  # -1 is everybody, and never fails
        "pidfd": tried(lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), 0)),
        "queue": tried(lambda pid: checked(libc.syscall(129, pid, 0, ctypes.create_string_buffer(128)))),
        "prlimit": tried(lambda pid: resource.prlimit(pid, resource.RLIMIT_NOFILE)),
        "affinity": tried(lambda pid: os.sched_setaffinity(pid, {0})),
        "scheduler": tried(lambda pid: os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))),
        "priority": tried(lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19)),
    }
'''
)

OWNERSHIP = '''
import fcntl, signal, socket

def f():
    """Have a signal that ends a process sent to the server by the kernel, when a socket gets something to read."""
    for pid in SERVER:
        left, right = socket.socketpair()
        try:
            fcntl.fcntl(left, fcntl.F_SETOWN, pid)
            fcntl.fcntl(left, 10, signal.SIGKILL)
            fcntl.fcntl(left, fcntl.F_SETFL, fcntl.fcntl(left, fcntl.F_GETFL) | 0o20000)
        except OSError:
            continue
        right.send(b"x")
'''

KERNEL = '''
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)

def f():
    """Ask the kernel for what a tool has no business with."""
    calls = {
        "unshare user": lambda: libc.unshare(0x10000000),
        "unshare mounts": lambda: libc.unshare(0x00020000),
        "mount": lambda: libc.mount(b"tmpfs", b".", b"tmpfs", 0, None),
        "chroot": lambda: libc.chroot(b"."),
        "keyctl": lambda: libc.syscall(250, 0, -3, 1),
        "io_uring": lambda: libc.syscall(425, 1, ctypes.create_string_buffer(256)),
        "shmget": lambda: libc.shmget(0, 4096, 0o1777),
        "setuid": lambda: libc.setuid(0),
    }
    done = [name for name, call in calls.items() if call() >= 0]
    for family in (socket.AF_UNIX, socket.AF_PACKET, socket.AF_ALG):
        try:
            socket.socket(family)
        except OSError:
            continue
        done.append(str(family))
    return done
'''

FORK_BOMB = '''
import os, time

def f():
    """Fork for ever."""
    while True:
        try:
            os.fork()
        except OSError:
            time.sleep(0.01)
'''

DAEMON = '''
import os, signal, sys, time

def f():
    """Leave something behind."""
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                    signal.signal(number, signal.SIG_IGN)
                os.closerange(0, 100)
                while True:
                    time.sleep(1)
            os._exit(0)
    return "left"
'''

STUBBORN = '''
import signal, threading, time

def f():
    """Outlive the time."""
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    threading.Thread(target=f, daemon=False) if False else None
    while True:
        try:
            time.sleep(1)
        except BaseException:
            continue
'''

MUCH_MEMORY_TOGETHER = '''
import os, time

def f():
    """Use much memory, in many processes."""
    for _ in range(16):
        if os.fork() == 0:
            kept = bytearray(60_000_000)
            kept[::4096] = b"x" * len(kept[::4096])
            time.sleep(60)
    time.sleep(60)
'''

MANY_FILES = '''
def f():
    """Fill the disk."""
    for number in range(100):
        with open(f"file{number}", "wb") as file:
            file.write(bytes(16_000_000))
    import time
    time.sleep(60)
'''

TINY_FILES = '''
def f():
    """Use up the disk's places for files."""
    number = 0
    while True:
        open(f"file{number}", "wb").close()
        number += 1
'''

CLOSED_FILES = '''
import os

def f():
    """Leave files that are hard to remove."""
    os.makedirs("a/b/c")
    open("a/b/c/d", "w").close()
    os.symlink("/etc", "a/link")
    for _ in range(1100):
        os.mkdir("n")
        os.chdir("n")
    os.chdir(os.environ["HOME"])
    os.chmod("a/b/c", 0)
    os.chmod("a/b", 0)
    os.chmod("a", 0)
    os.chmod(".", 0)
'''

FAKE_RESULTS = {
    "nothing": "b''",
    "no JSON": "b'{{{'",
    "another type": "b'[1, 2]'",
    "wrong members": 'b\'{"text": 5, "value": [], "error": {}}\'',
    "deep": "b'[' * 1_000_000",
    "endless": "b'x' * 50_000_000",
    "not even text": "bytes(range(256)) * 100",
}


def fake_result(content: str) -> str:
    return f'''
import os

def f():
    """Write a result by hand."""
    try:
        rest = {content}
        while rest:
            rest = rest[os.write(3, rest):]
    finally:
        os._exit(0)
'''


ODD_RESULTS = {
    "an object": "object()",
    "a function": "f",
    "a generator": "(number for number in range(3))",
    "a class": "type",
    "bytes": "bytes(range(256))",
    "not a number": "float('nan')",
    "infinite": "[float('inf')]",
    "half a character": "chr(0xD800) + chr(0) + 'x'",
    "half a character inside": "{chr(0xD800): [chr(0)]}",
    "a set of sets": "{frozenset([1])}",
    "a circle": "(lambda kept: kept.append(kept) or kept)([])",
    "keys of all kinds": "{1: 2, None: 3, (1, 2): 4}",
}
FAILING_RESULTS = {
    "no text of its own": "type('Mute', (), {'__str__': lambda self: 1 / 0})()",
    "very deep": "__import__('functools').reduce(lambda kept, _: [kept], range(100_000), [])",
    "very long": "'x' * 100_000_000",
    "very many": "list(range(3_000_000))",
    "a very large number": "10 ** 5000",
}
