"""Runs the programs of Postgres through `launcher`, which says why they need one."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded.errors import EmbeddedPostgresError


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
        """Run it. For a detached program, the result only tells whether it was launched.

        Raises:
            EmbeddedPostgresError: we are root and can't run it as anybody else.
        """
        from letta.database.embedded import launcher  # a server with a database elsewhere never needs it

        result = subprocess.run(  # noqa: S603
            [sys.executable, "-I", "-S", launcher.__file__, *self._options(), "--", *self.command],
            env=dict(self.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if result.returncode == launcher.NO_OTHER_USER:
            raise EmbeddedPostgresError(
                "Postgres can't run as root, and this root can neither become another user nor pass for one in a user "
                f"namespace ({result.stderr.strip()}). Run the server as an ordinary user (`docker run --user 10001`), "
                "or leave root its capabilities CHOWN, DAC_OVERRIDE, SETGID, SETPCAP and SETUID, as Docker does."
            )
        return result

    def _options(self) -> list[str]:
        options = {"lock": self.lock, "uid": self.uid, "gid": self.gid, "method": self.method}
        optional = {"capability": self.capability, "log": self.log}
        options |= {name: value for name, value in optional.items() if value is not None}
        return [f"--{name}={value}" for name, value in options.items()]
