"""Starts a program as another user, and as on a kernel without Landlock: `python unprivileged.py [OPTIONS] PROGRAM …`.

Where Python lies below a directory that only root may enter, the program finds itself in a mount namespace in which
that directory holds nothing else, and can be entered.
"""

import argparse
import ctypes
import errno
import os
import struct
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USER = 60950
_NEW_MOUNTS = 0x00020000
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_LANDLOCK = (444, 445, 446)
_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--user", type=int)
    parser.add_argument("--scratch", help="where directories may be made for it")
    parser.add_argument("--without-landlock", action="store_true")
    parser.add_argument("program", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if os.geteuid() == 0:
        make_reachable([Path(sys.base_prefix), Path(sys.prefix), ROOT], options.scratch)
    if options.user is not None:
        os.setgroups([])
        os.setresgid(options.user, options.user, options.user)
        os.setresuid(options.user, options.user, options.user)
    if options.without_landlock:
        hide_landlock()
    os.execv(options.program[0], options.program)


def make_reachable(paths: list[Path], scratch: str | None) -> None:
    closed = {parent for path in paths for parent in path.parents if not parent.stat().st_mode & 0o001}
    for directory in sorted(closed)[:1]:
        inside = sorted({path for path in paths if path.is_relative_to(directory)})
        checked(_libc.unshare(_NEW_MOUNTS))
        mount(None, Path("/"), _RECURSIVE | _PRIVATE)
        kept = {path: Path(tempfile.mkdtemp(dir=scratch)) for path in inside}
        for path, place in kept.items():
            mount(path, place, _BIND | _RECURSIVE)
        mount(Path("tmpfs"), directory, 0, "tmpfs", "mode=755")
        for path, place in kept.items():
            path.mkdir(parents=True, exist_ok=True)
            mount(place, path, _BIND | _RECURSIVE)


def mount(source: Path | None, target: Path, flags: int, kind: str | None = None, data: str | None = None) -> None:
    encoded = [None if value is None else str(value).encode() for value in (source, target, kind, data)]
    checked(_libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3]))


def hide_landlock() -> None:
    """Answer Landlock's calls as a kernel does that doesn't know them, with a filter as of seccomp(2)."""
    code = struct.pack("=HBBI", 0x20, 0, 0, 0)
    for number in _LANDLOCK:
        code += struct.pack("=HBBI", 0x15, 0, 1, number) + struct.pack("=HBBI", 0x06, 0, 0, 0x00050000 | errno.ENOSYS)
    code += struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code) // 8, ctypes.addressof(buffer)))
    checked(_libc.prctl(38, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)))
    checked(_libc.prctl(22, ctypes.c_ulong(2), program))


def checked(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    main()
