"""Confining a process to some files, with the kernel's Landlock (landlock(7)); by itself, without privileges."""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from letta.sandbox.child import kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""Numbers of the calls, which are the same on all architectures."""
_VERSION_FLAG = 1
_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_ALL_OF_FIRST_VERSION = (1 << 13) - 1
_REFER = 1 << 13
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_BIND_TCP = 1
_SCOPE_ABSTRACT_SOCKETS, _SCOPE_SIGNALS = 1, 2

SIGNALS_FROM = 6
"""The version from which on signals don't leave the confines."""


def version() -> int:
    """Which version of Landlock the kernel has; 0 for none."""
    try:
        return kernel.syscall(
            _CREATE_RULESET, ctypes.c_void_p(None), ctypes.c_size_t(0), ctypes.c_uint32(_VERSION_FLAG)
        )
    except OSError:
        return 0


def prepare(readable: Iterable[str], writable: Iterable[str]) -> int | None:
    """A set of rules: what may be read and executed, and what may be changed as well. None where there is no Landlock.

    Paths that don't exist are left out. No TCP port can be listened on, where the kernel knows of that.

    Returns:
        A file descriptor for `enforce`.
    """
    supported = version()
    if not supported:
        return None
    handled = _handled(supported)
    attributes = struct.pack("=QQQ", handled, _BIND_TCP, _SCOPE_ABSTRACT_SOCKETS | _SCOPE_SIGNALS)[: _size(supported)]
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    rules = kernel.syscall(_CREATE_RULESET, buffer, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    for path in readable:
        _allow(rules, path, _READ & handled)
    for path in writable:
        _allow(rules, path, handled & ~_IOCTL_DEVICE)
    return rules


def enforce(rules: int) -> None:
    """Confine the calling process, and all that it starts, for good."""
    kernel.syscall(_RESTRICT_SELF, ctypes.c_int(rules), ctypes.c_uint32(0))
    os.close(rules)


def _handled(supported: int) -> int:
    handled = _ALL_OF_FIRST_VERSION
    for since, right in ((2, _REFER), (3, _TRUNCATE), (5, _IOCTL_DEVICE)):
        if supported >= since:
            handled |= right
    return handled


def _size(supported: int) -> int:
    """Bytes of the attributes that the kernel knows."""
    return 8 if supported < 4 else 16 if supported < SIGNALS_FROM else 24


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _OF_FILES
        rule = struct.pack("=Qi", rights, opened)
        buffer = ctypes.create_string_buffer(rule, len(rule))
        kernel.syscall(_ADD_RULE, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), buffer, ctypes.c_uint32(0))
    finally:
        os.close(opened)
