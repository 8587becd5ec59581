"""Where the embedded Postgres keeps its files."""

import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded.errors import DataDirectoryError


def default_data_directory(environ: Mapping[str, str]) -> Path:
    """``LETTA_PG_DATA``; else ``/var/lib/letta/pg`` for root and ``$XDG_DATA_HOME/letta/pg`` for everybody else.

    ``XDG_DATA_HOME`` is ``~/.local/share`` by default, and ignored unless absolute, as its specification asks.

    Raises:
        DataDirectoryError: nothing is set and this user has no home.
    """
    if chosen := environ.get("LETTA_PG_DATA"):
        return Path(chosen).expanduser().absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/letta/pg")
    data_home = Path(environ.get("XDG_DATA_HOME", ""))
    if not data_home.is_absolute():
        data_home = _home(environ) / ".local" / "share"
    return data_home / "letta" / "pg"


def _home(environ: Mapping[str, str]) -> Path:
    if home := environ.get("HOME"):
        return Path(home)
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise DataDirectoryError(
            f"The embedded Postgres has no place for its data: user id {os.geteuid()} has no home directory. Set "
            "LETTA_PG_DATA to a directory that it can write to."
        ) from None


@dataclass(frozen=True)
class Layout:
    """The files below one data directory. Postgres' own ``PGDATA`` is only one of them.

    So the data directory may be the mount point of a volume, and a half-made cluster never looks like a whole one.
    """

    data_directory: Path

    @property
    def cluster(self) -> Path:
        """Postgres' own data directory (``PGDATA``)."""
        return self.data_directory / "cluster"

    @property
    def version_file(self) -> Path:
        """States the major version that wrote the cluster; exists once the cluster is complete."""
        return self.cluster / "PG_VERSION"

    @property
    def postmaster_file(self) -> Path:
        """Written by a running server about itself."""
        return self.cluster / "postmaster.pid"

    @property
    def password_file(self) -> Path:
        """Password of the only role, alone on its first line."""
        return self.data_directory / "password"

    @property
    def key_file(self) -> Path:
        """The key that encrypts secrets in the database, where none is configured. Their only key: never to be lost."""
        return self.data_directory / "encryption-key"

    @property
    def next_key_file(self) -> Path:
        """The key that is about to take its place, or has taken it in the database already."""
        return self.data_directory / "encryption-key.next"

    @property
    def socket_directory(self) -> Path:
        """Where the server's socket is unless the path is too long for one."""
        return self.data_directory / "run"

    @property
    def log_file(self) -> Path:
        """What the server writes to standard error since it was started."""
        return self.data_directory / "server.log"

    @property
    def previous_log_file(self) -> Path:
        """The same of the start before."""
        return self.data_directory / "server.log.1"

    @property
    def users_file(self) -> Path:
        """The processes that use the server."""
        return self.data_directory / "users.json"

    @property
    def lock_file(self) -> Path:
        """Locked by a process while it starts or stops the server."""
        return self.data_directory / "lock"

    @property
    def alive_file(self) -> Path:
        """Locked by the programs of Postgres themselves as long as any of them runs on this data."""
        return self.data_directory / "alive"
