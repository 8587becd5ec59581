"""Runs a program of Postgres: with a lock, apart from the terminal, and as another user where that is needed.

A script of its own, run by path with ``python -I -S``: changing user ids between fork and exec isn't safe in a process
with threads, and has to happen in one that may lose its privileges. It may import the standard library only.
"""

import argparse
import ctypes
import fcntl
import os
import sys
from pathlib import Path

NO_OTHER_USER = 77
"""Exit status of the launcher: there is no way to have another user id than root's."""

_PR_SET_SECUREBITS = 28
_SECBIT_NO_SETUID_FIXUP = 4
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522
_CLONE_NEWUSER = 0x10000000


def main() -> None:
    """Do what the arguments say; the last of them are the program and its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--lock", required=True)
    parser.add_argument("--uid", type=int, required=True)
    parser.add_argument("--gid", type=int, required=True)
    parser.add_argument("--method", choices=["same", "switch", "map"], required=True)
    parser.add_argument("--capability", type=int)
    parser.add_argument("--log")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    os.umask(0o077)
    _lock(options.lock)
    log = _open_log(options.log) if options.log else None
    if options.method == "switch":
        _switch_user(options.uid, options.gid, options.capability)
    elif options.method == "map":
        _map_user(options.uid, options.gid)
    if log is not None:
        _detach(log)
    os.execv(options.command[0], options.command)  # noqa: S606


def _lock(path: str) -> None:
    """Take the lock with a descriptor that the program inherits, and so holds as long as it runs."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.set_inheritable(descriptor, True)


def _open_log(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)


def _detach(log: int) -> None:
    """Go on in a child in a session of its own, with the log for output, while the parent ends."""
    if os.fork():
        os._exit(0)
    os.setsid()
    for stream in (1, 2):
        os.dup2(log, stream)
    os.chdir("/")


def _switch_user(uid: int, gid: int, capability: int | None) -> None:
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    if capability is not None:
        # Else the kernel takes the capability away with the user id, and ignores it in access(2), by which the
        # programs of Postgres look for each other.
        _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        _limit_capabilities(1 << capability)
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _limit_capabilities(mask: int) -> None:
    """Have these in the effective, permitted and inheritable set, and no others."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    low, high = mask & 0xFFFFFFFF, mask >> 32
    _check(_libc().capset(header, (ctypes.c_uint32 * 6)(low, low, low, high, high, high)), "capset")


def _map_user(uid: int, gid: int) -> None:
    """Enter a user namespace in which the present user has another id."""
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    try:
        _check(_libc().unshare(_CLONE_NEWUSER), "unshare")
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1")
    except OSError as error:
        sys.stderr.write(str(error.strerror))
        sys.exit(NO_OTHER_USER)


def _prctl(operation: int, *arguments: int) -> None:
    padded = [ctypes.c_ulong(value) for value in (*arguments, 0, 0, 0, 0)[:4]]
    _check(_libc().prctl(operation, *padded), "prctl")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")


if __name__ == "__main__":
    main()
