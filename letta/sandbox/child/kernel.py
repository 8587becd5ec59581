"""Calls of the Linux kernel that Python has no function for."""

import ctypes
import os
import struct

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38

CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_SIGKILL = 9

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *arguments: object) -> None:
    """prctl(2).

    Raises:
        OSError: the kernel refused.
    """
    padded = [*arguments, *[ctypes.c_ulong(0)] * (4 - len(arguments))]
    checked(_libc.prctl(ctypes.c_int(option), *padded))


def syscall(number: int, *arguments: object) -> int:
    """A system call by its number.

    Raises:
        OSError: the kernel refused.
    """
    return checked(_libc.syscall(ctypes.c_long(number), *arguments))


def checked(result: int) -> int:
    """The result of a call, which is negative where it failed.

    Raises:
        OSError: it did.
    """
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def set_dumpable(*, dumpable: bool) -> None:
    """Whether processes of the same user may look into this one: its memory, environment and open files."""
    prctl(_PR_SET_DUMPABLE, ctypes.c_ulong(dumpable))


def die_with_parent() -> None:
    """Have this process killed when the one that forked it ends."""
    prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(_SIGKILL))


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parents end, so that none gets away."""
    prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1))


def renounce_privileges() -> None:
    """Never get privileges from a file that is executed."""
    prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0))


def keep_capabilities() -> None:
    """Let a change of user leave the capabilities, so that they can be cut down to those that are needed."""
    prctl(_PR_SET_KEEPCAPS, ctypes.c_ulong(1))


def limit_capabilities(*kept: int) -> None:
    """Give up all capabilities but these."""
    low = sum(1 << capability for capability in kept)
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    # Effective, permitted and inheritable, 32 capabilities each, then the same for those above.
    data = struct.pack("=6I", low, low, 0, 0, 0, 0)
    checked(
        _libc.capset(ctypes.create_string_buffer(header, len(header)), ctypes.create_string_buffer(data, len(data)))
    )
