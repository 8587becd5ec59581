"""The main process of a running server, as it describes itself in ``postmaster.pid``."""

from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded.binaries import Binaries
from letta.database.embedded.layout import Layout
from letta.database.embedded.processes import command_line, wait_until

_LINES = 8


@dataclass(frozen=True)
class Postmaster:
    """What the file says (its lines: src/include/utils/pidfile.h), whether the process still runs or not."""

    pid: int
    cluster: Path
    socket_directory: Path
    status: str

    @classmethod
    def read(cls, layout: Layout) -> "Postmaster | None":
        """None if there is no such file, or nothing in it, as while it is being written or after a power failure."""
        try:
            lines = layout.postmaster_file.read_text(errors="replace").splitlines()
        except FileNotFoundError:
            return None
        if not lines or not lines[0].isdecimal():
            return None
        lines += [""] * (_LINES - len(lines))
        return cls(int(lines[0]), layout.cluster, Path(lines[4]), lines[7].strip())

    @property
    def is_running(self) -> bool:
        """Whether that process is the server of this cluster, and not one that got its id later."""
        return f"/postgres -D {self.cluster} " in command_line(self.pid)

    @property
    def is_ready(self) -> bool:
        """Whether it runs and takes connections."""
        return self.status == "ready" and self.is_running

    def ends_within(self, seconds: float) -> bool:
        """Whether it stops running in that time, which is waited for."""
        return wait_until(lambda: not self.is_running, seconds)

    def runs_from(self, binaries: Binaries) -> bool:
        """Whether it was started from this installation; the files of another one may be gone meanwhile."""
        return command_line(self.pid).startswith(f"{binaries.postgres} ")
