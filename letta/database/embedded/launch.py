"""Runs the programs of Postgres through `launcher`, which says why they need one."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded import launcher


@dataclass(frozen=True)
class Launch:
    """How to run a program."""

    command: Sequence[str]
    environ: Mapping[str, str]
    lock: Path
    """Locked until the program and all its children have ended."""
    uid: int
    gid: int
    method: str = "same"
    """``same`` user as now; ``switch`` to that one; ``map`` it to the present one in a user namespace."""
    capability: int | None = None
    """The one capability (a bit number of capabilities(7)) that is kept when switching."""
    log: Path | None = None
    """If given, the program is detached and writes there; else it is waited for."""

    def run(self) -> "subprocess.CompletedProcess[str]":
        """Run it. For a detached program, the result only tells whether it was launched."""
        options = {"lock": self.lock, "uid": self.uid, "gid": self.gid, "method": self.method}
        optional = {"capability": self.capability, "log": self.log}
        options |= {name: value for name, value in optional.items() if value is not None}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", launcher.__file__, *arguments, "--", *self.command],
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
