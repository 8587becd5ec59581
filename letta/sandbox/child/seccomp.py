"""Refusing system calls that a tool has no business with: those that reach into other processes, or into the kernel.

A process of the same user may otherwise send signals to the server, or change its limits and its priority.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass, field

from letta.sandbox.child import kernel

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2

# Instructions of the classic BPF, and where they find what they look at (seccomp(2)).
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_X32 = 0x40000000

_NEW_NAMESPACES = 0x7E020080
"""All flags of clone(2) that make namespaces."""
_SOCKETS = (2, 10, 16)
"""AF_INET, AF_INET6, and AF_NETLINK, which looking up names takes. Sockets of this machine's services are not there."""
_OWNERSHIP_COMMANDS = (8, 15)
"""F_SETOWN, F_SETOWN_EX: have a signal sent to somebody when a file is ready."""
_OWNERSHIP_REQUESTS = (0x8901, 0x8902)
"""The same for ioctl(2)."""

# Names of the calls, and their numbers on x86-64 and on 64-bit ARM.
_REFUSED: dict[str, tuple[int, int]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "kexec_load": (246, 104),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "swapon": (167, 224),
    "reboot": (169, 142),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "mq_open": (240, 180),
}
_OF_OTHERS: dict[str, tuple[int, int]] = {
    "prlimit64": (302, 261),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
"""Refused unless the first argument is 0: the calling process."""
_SIGNALS: dict[str, tuple[int, int]] = {
    "kill": (62, 129),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}
"""Refused unless the first argument is the process itself, where signals are not kept in by Landlock."""
_SIGNALS_TO_ANY: dict[str, tuple[int, int]] = {"tkill": (200, 130), "pidfd_send_signal": (424, 424)}
_CLONE, _CLONE3, _SOCKET, _FCNTL, _IOCTL = (56, 220), (435, 435), (41, 198), (72, 25), (16, 29)


_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""By name: which of the numbers count, and what the kernel calls it."""


def is_known(machine: str) -> bool:
    """Whether the numbers of system calls are known for this architecture."""
    return machine in _ARCHITECTURES


def install(*, keep_signals_in: bool) -> bool:
    """Refuse these calls to the calling process and all that it starts, for good. `kernel.renounce_privileges` first.

    Args:
        keep_signals_in: whether signals to other processes are refused as well.

    Returns:
        False where the kernel can't, or the architecture isn't known.
    """
    machine = platform.machine()
    if not is_known(machine):
        return False
    index, audit = _ARCHITECTURES[machine]
    program = _program(index, audit, keep_signals_in=keep_signals_in)
    code = ctypes.create_string_buffer(program, len(program))
    # A struct sock_fprog: the number of instructions, padding, and where they are.
    described = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, ctypes.addressof(code)))
    try:
        kernel.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_MODE_FILTER), described)
    except OSError:
        return False
    return True


@dataclass
class _Writer:
    """Instructions, each an 8-byte struct sock_filter."""

    code: list[bytes] = field(default_factory=list)

    def add(self, operation: int, value: int, if_so: int = 0, if_not: int = 0) -> None:
        self.code.append(struct.pack("=HBBI", operation, if_so, if_not, value & 0xFFFFFFFF))

    def give(self, verdict: int) -> None:
        self.add(_RETURN, verdict)

    def refuse(self, number: int, error: int = errno.EPERM) -> None:
        """Refuse a call."""
        self.add(_EQUAL, number, 0, 1)
        self.give(_ERROR | error)

    def refuse_unless(self, number: int, argument: int, values: tuple[int, ...]) -> None:
        """Refuse a call unless an argument has one of these values. Its lower half is looked at, as the kernel does."""
        self._look_at(number, argument, len(values) + 3)
        for place, value in enumerate(values):
            self.add(_EQUAL, value, len(values) - place, 0)
        self.give(_ERROR | errno.EPERM)
        self.give(_ALLOW)
        self.add(_LOAD, _NUMBER_AT)

    def refuse_if(self, number: int, argument: int, values: tuple[int, ...]) -> None:
        """Refuse a call if an argument has one of these values."""
        self._look_at(number, argument, len(values) + 3)
        for place, value in enumerate(values):
            self.add(_EQUAL, value, len(values) - place, 0)
        self.give(_ALLOW)
        self.give(_ERROR | errno.EPERM)
        self.add(_LOAD, _NUMBER_AT)

    def refuse_with_bits(self, number: int, argument: int, bits: int) -> None:
        """Refuse a call if one of these bits is set in an argument."""
        self._look_at(number, argument, 4)
        self.add(_ANY_BIT, bits, 1, 0)
        self.give(_ALLOW)
        self.give(_ERROR | errno.EPERM)
        self.add(_LOAD, _NUMBER_AT)

    def _look_at(self, number: int, argument: int, rest: int) -> None:
        """Go past the rest unless it is this call; else load the argument."""
        self.add(_EQUAL, number, 0, rest)
        self.add(_LOAD, _ARGUMENTS_AT + 8 * argument)


def _program(index: int, audit: int, *, keep_signals_in: bool) -> bytes:
    write = _Writer()
    write.add(_LOAD, _ARCHITECTURE_AT)
    write.add(_EQUAL, audit, 1, 0)
    write.give(_KILL)
    write.add(_LOAD, _NUMBER_AT)
    if index == 0:
        write.add(_AT_LEAST, _X32, 0, 1)
        write.give(_ERROR | errno.ENOSYS)
    for numbers in _REFUSED.values():
        write.refuse(numbers[index])
    write.refuse(_CLONE3[index], errno.ENOSYS)  # its flags can't be looked at; the C library then uses clone
    write.refuse_with_bits(_CLONE[index], 0, _NEW_NAMESPACES)
    write.refuse_unless(_SOCKET[index], 0, _SOCKETS)
    for others in _OF_OTHERS.values():
        write.refuse_unless(others[index], 0, (0,))
    if keep_signals_in:
        _keep_signals_in(write, index)
    write.give(_ALLOW)
    return b"".join(write.code)


def _keep_signals_in(write: _Writer, index: int) -> None:
    for numbers in _SIGNALS.values():
        write.refuse_unless(numbers[index], 0, (os.getpid(),))
    for numbers in _SIGNALS_TO_ANY.values():
        write.refuse(numbers[index])
    write.refuse_if(_FCNTL[index], 1, _OWNERSHIP_COMMANDS)
    write.refuse_if(_IOCTL[index], 1, _OWNERSHIP_REQUESTS)
