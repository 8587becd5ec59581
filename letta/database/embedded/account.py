"""The user that Postgres runs as: ourselves, or, as it refuses to run as root, an unprivileged one.

No account is made for it and no directory is opened to it. Where it can't reach its programs or its data by their
modes, because they lie below somebody's private directories, it gets the one capability that lets it pass.
"""

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from letta.database.embedded.binaries import Binaries
from letta.database.embedded.errors import DataDirectoryError, EmbeddedPostgresError
from letta.database.embedded.layout import Layout

SERVICE_UID = 60999
"""Neither Debian's base-passwd nor systemd's UIDS-GIDS.md gives this one to anybody, and containers do map it."""

_CAP_CHOWN = 0
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAP_SETGID = 6
_CAP_SETUID = 7
_CAP_SETPCAP = 8

_READ, _EXECUTE = 4, 1


@dataclass(frozen=True)
class Account:
    """A user id to run Postgres as, and the way to become it (see `launch.Launch.method`)."""

    uid: int
    gid: int
    method: str

    def own(self, path: Path) -> None:
        """Give it a file or directory that we made, if it isn't ours."""
        if self.method == "switch":
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def own_all(self, directory: Path) -> None:
        """Give it a whole tree, the top last, so that an interrupted change is seen as not done."""
        for parent, directories, files in os.walk(directory, topdown=False):
            for name in (*directories, *files):
                self.own(Path(parent, name))
        self.own(directory)

    def capability_needed(self, binaries: Binaries, layout: Layout) -> int | None:
        """The weakest capability with which it reaches its programs and its data; None if it needs none."""
        if self.method != "switch":
            return None
        runs = self._may(binaries.postgres, _READ | _EXECUTE)
        reads = self._may(binaries.catalog, _READ)
        if runs and reads and self._reaches(binaries.catalog, binaries.postgres, layout.cluster):
            return None
        return _CAP_DAC_READ_SEARCH if runs and _are_permitted(_CAP_DAC_READ_SEARCH) else _CAP_DAC_OVERRIDE

    def _reaches(self, *paths: Path) -> bool:
        directories = {parent for path in paths for parent in path.resolve().parents}
        return all(self._may(directory, _EXECUTE) for directory in directories)

    def _may(self, path: Path, access: int) -> bool:
        status = path.stat()
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return stat.S_IMODE(status.st_mode) >> shift & access == access


def choose_account(layout: Layout) -> Account:
    """The user for this data directory: its owner, if that isn't root.

    Raises:
        DataDirectoryError: the data belongs to another user, whom we can't become.
    """
    if os.geteuid() != 0:
        _require_ownership(layout)
        return Account(os.geteuid(), os.getegid(), "same")
    if sys.platform != "linux":
        raise EmbeddedPostgresError("Postgres can't run as root on this system. Run the server as an ordinary user.")
    uid, gid = _ordinary_owner(layout) or (SERVICE_UID, SERVICE_UID)
    return Account(uid, gid, "switch" if _can_switch(uid, gid) else "map")


def _require_ownership(layout: Layout) -> None:
    if layout.cluster.exists() and (owner := layout.cluster.stat().st_uid) != os.geteuid():
        raise DataDirectoryError(
            f"The embedded database in {layout.data_directory} belongs to user id {owner}, but this process runs as "
            f"user id {os.geteuid()}. Run the server as that user, or set LETTA_PG_DATA to another directory."
        )


def _ordinary_owner(layout: Layout) -> tuple[int, int] | None:
    for directory in (layout.cluster, layout.data_directory):
        if directory.exists() and (status := directory.stat()).st_uid != 0:
            return status.st_uid, status.st_gid
    return None


def _can_switch(uid: int, gid: int) -> bool:
    allowed = _are_permitted(_CAP_CHOWN, _CAP_DAC_OVERRIDE, _CAP_SETGID, _CAP_SETUID, _CAP_SETPCAP)
    return allowed and _is_mapped(uid, Path("/proc/self/uid_map")) and _is_mapped(gid, Path("/proc/self/gid_map"))


def _is_mapped(number: int, id_map: Path) -> bool:
    ranges = [[int(value) for value in line.split()] for line in id_map.read_text().splitlines()]
    return any(first <= number < first + count for first, _, count in ranges)


def _are_permitted(*capabilities: int) -> bool:
    status = Path("/proc/self/status").read_text()
    permitted = int(status.partition("CapPrm:")[2].split()[0], 16)
    return all(permitted >> capability & 1 for capability in capabilities)
