"""Whether a server writes where nothing may be expected to last, and so nothing should be."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from letta.testing.persistence import CheckFailedError

_HOOK = Path(__file__).parent / "hook"
_SOURCE = Path(__file__).parents[3]
_DEVICES = ("/dev/null", "/dev/tty", "/dev/urandom", "/dev/random")


class Watch:
    """Directories for a server to be led into temptation, and a record of what it writes.

    Covered are: every file that Python code opens for writing, makes, renames or links, in the server and in Python
    processes that it starts (by an audit hook); the files that the server has open when `look` is called, whoever
    opened them; and HOME, TMPDIR and the working directory at the end, whoever wrote there. Not covered: what other
    programs, and C code that doesn't go through Python, write elsewhere and close again.
    """

    def __init__(self, directory: Path, allowed: Sequence[Path]) -> None:
        """`directory` is used for the watched directories; `allowed` are those that may be written to."""
        self._watched = {name: directory / name for name in ("home", "tmp", "work")}
        self._log = directory / "writes.log"
        self._allowed = [path.resolve() for path in (*allowed, self._log)]
        for path in self._watched.values():
            path.mkdir()

    @property
    def working_directory(self) -> Path:
        """Where to start the server."""
        return self._watched["work"]

    @property
    def environment(self) -> Mapping[str, str]:
        """What the server's environment has to contain."""
        return {
            "HOME": str(self._watched["home"]),
            "TMPDIR": str(self._watched["tmp"]),
            "PYTHONPATH": os.pathsep.join([str(_HOOK), str(_SOURCE)]),
            # As in the container: the compiler's cache beside the source isn't the server's doing.
            "PYTHONDONTWRITEBYTECODE": "1",
            "LETTA_WRITES_LOG": str(self._log),
        }

    def look(self, pid: int) -> None:
        """See which files the server has open for writing at the moment.

        Raises:
            CheckFailedError: one of them is out of place.
        """
        self._judge(_open_for_writing(pid), "has open")

    def conclude(self) -> int:
        """See what was written. Returns how many different paths were.

        Raises:
            CheckFailedError: something was written out of place, or there is no record.
        """
        if not self._log.exists():
            raise CheckFailedError("The server's writing could not be watched: there is no record of it.")
        lines = self._log.read_text(errors="surrogateescape").splitlines()
        written = {path for path in lines if not _is_measurement(path)}
        self._judge(sorted(written), "has written to")
        left = [str(path) for directory in self._watched.values() for path in directory.rglob("*")]
        self._judge(left, "has left behind")
        return len(written)

    def _judge(self, paths: Sequence[str], what: str) -> None:
        wrong = [path for path in paths if not self._is_allowed(path)]
        if wrong:
            raise CheckFailedError(
                f"The server {what} {', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''}, "
                "which is neither in LETTA_DIR nor in the database."
            )

    def _is_allowed(self, path: str) -> bool:
        if path in _DEVICES or path.startswith("/proc/self/"):
            return True
        resolved = Path(path).resolve()
        return any(resolved.is_relative_to(allowed) for allowed in self._allowed)


def _is_measurement(path: str) -> bool:
    """Whether it is the record of which lines a test has executed; coverage has it written by the server as well."""
    return "COVERAGE_PROCESS_CONFIG" in os.environ and Path(path).name.startswith(".coverage.")


def _open_for_writing(pid: int) -> list[str]:
    return list(_regular_files(Path(f"/proc/{pid}")))


def _regular_files(process: Path) -> Iterator[str]:
    """See proc(5): the links in fd/, and the octal flags in fdinfo/."""
    for link in (process / "fd").iterdir():
        try:
            path = os.readlink(link)
            flags = (process / "fdinfo" / link.name).read_text().split("flags:")[1].split()[0]
        except FileNotFoundError:  # closed since it was listed
            continue
        if path.startswith("/") and int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
            yield path
