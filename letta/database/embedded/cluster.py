"""The data of the embedded Postgres: made once, complete or not at all, and never opened by the wrong version."""

import pwd
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from letta.database.embedded.account import Account
from letta.database.embedded.binaries import Binaries
from letta.database.embedded.errors import DataDirectoryError, OtherMajorVersionError, ServerFailedError
from letta.database.embedded.files import DRAFT_SUFFIX, sync_directory, write_private
from letta.database.embedded.launch import Launch
from letta.database.embedded.layout import Layout

ROLE = "letta"
"""The only role: superuser within the embedded cluster, so that it may install extensions."""

# For one small process beside us. People may change them in cluster/postgresql.conf.
_INITIAL_SETTINGS = {
    "max_connections": "40",
    "shared_buffers": "48MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "256MB",
    "random_page_cost": "1.1",  # no disk of today has to seek
    "min_wal_size": "48MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "io_method": "sync",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "autovacuum_max_workers": "2",
    # The log would otherwise hold what people wrote, in the statements that failed.
    "log_min_error_statement": "panic",
    "log_checkpoints": "off",
}


class Cluster:
    """Postgres' own data directory within a data directory of ours."""

    def __init__(self, layout: Layout, binaries: Binaries, account: Account) -> None:
        self._layout = layout
        self._binaries = binaries
        self._account = account

    def check_version(self) -> None:
        """Refuse data that the installed programs can't open; touches nothing.

        Raises:
            OtherMajorVersionError: another major version wrote it.
            DataDirectoryError: the directory holds something else.
        """
        layout, ours = self._layout, self._binaries.major_version
        if (foreign := layout.data_directory / "PG_VERSION").exists():
            self._refuse_foreign(foreign.read_text().strip(), ours)
        if layout.version_file.exists():
            theirs = layout.version_file.read_text().strip()
            if theirs != ours:
                raise OtherMajorVersionError(_other_version(layout, self._binaries, theirs))
        elif layout.cluster.exists():
            raise DataDirectoryError(
                f"{layout.cluster} is not a complete Postgres cluster (it has no PG_VERSION). Restore it from a "
                "backup, or move it away to start with an empty database."
            )

    def _refuse_foreign(self, theirs: str, ours: str) -> None:
        directory = self._layout.data_directory
        raise (DataDirectoryError if theirs == ours else OtherMajorVersionError)(
            f"{directory} is the data directory of a Postgres {theirs} that wasn't set up by this server, which brings "
            f"Postgres {ours}. Dump it with its own version (`pg_dump --format=custom --file=letta.dump letta`), set "
            "LETTA_PG_DATA to an empty directory, start the server once, and load the dump into the new database "
            "(`pg_restore --clean --if-exists --no-owner --dbname=URI letta.dump`)."
        )

    def ensure(self) -> None:
        """Make the cluster if there is none.

        Raises:
            ServerFailedError: ``initdb`` failed.
        """
        if self._layout.version_file.exists():
            self._ensure_owner()
            return
        self._remove_drafts()
        self._ensure_password()
        draft = self._make_draft("cluster")
        with self._initdb() as binaries:
            self._run_initdb(binaries, draft)
        draft.rename(self._layout.cluster)
        sync_directory(self._layout.data_directory)

    def password(self) -> str:
        """The role's password.

        Raises:
            DataDirectoryError: its file is missing or empty.
        """
        path = self._layout.password_file
        password = path.read_text().strip() if path.exists() else ""
        if not password:
            raise DataDirectoryError(
                f"The password file of the embedded database is missing. Restore {path} from a backup."
            )
        return password

    def _ensure_owner(self) -> None:
        """Mend what copying a backup into place has changed, as Postgres insists on owner and mode."""
        if self._account.method == "switch" and self._layout.cluster.stat().st_uid != self._account.uid:
            self._account.own_all(self._layout.cluster)
        self._layout.cluster.chmod(0o700)

    def _ensure_password(self) -> None:
        path = self._layout.password_file
        if path.exists():
            return
        write_private(path, secrets.token_urlsafe(24) + "\n")
        self._account.own(path)

    def _make_draft(self, name: str) -> Path:
        draft = self._layout.data_directory / (name + DRAFT_SUFFIX)
        draft.mkdir(mode=0o700)
        self._account.own(draft)
        return draft

    def _remove_drafts(self) -> None:
        for draft in self._layout.data_directory.glob("*" + DRAFT_SUFFIX):
            if draft.is_dir():
                shutil.rmtree(draft)
            else:
                draft.unlink()

    @contextmanager
    def _initdb(self) -> Iterator[Binaries]:
        if _has_name(self._account.uid):
            yield self._binaries
            return
        directory = self._make_draft("programs")
        try:
            copy = self._binaries.copy_for_nameless_user(directory)
            self._account.own_all(directory)
            yield copy
        finally:
            shutil.rmtree(directory)

    def _run_initdb(self, binaries: Binaries, draft: Path) -> None:
        settings = [f"--set={name}={value}" for name, value in _INITIAL_SETTINGS.items()]
        result = Launch(
            command=[
                str(binaries.initdb),
                f"--pgdata={draft}",
                f"--username={ROLE}",
                f"--pwfile={self._layout.password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # Postgres' own collation: it doesn't change, and break indexes, with the system's C library.
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                f"--locale={'C.UTF-8' if sys.platform == 'linux' else 'C'}",
                "--no-instructions",
                *settings,
            ],
            environ={"TZ": "UTC", "LD_LIBRARY_PATH": str(binaries.shared_libraries)},
            lock=self._layout.alive_file,
            uid=self._account.uid,
            gid=self._account.gid,
            method=self._account.method,
            capability=self._account.capability_needed(binaries, self._layout),
        ).run()
        if result.returncode != 0:
            reason = (result.stderr or result.stdout).strip()
            raise ServerFailedError(
                f"The embedded database could not be set up in {self._layout.data_directory}: {reason[-1500:]}\n"
                "Free space or permissions there may be the cause: fix them and start again, "
                "or set LETTA_PG_DATA to another directory."
            )


def _other_version(layout: Layout, binaries: Binaries, theirs: str) -> str:
    """What to do. Only the cluster is moved away: password and encryption key stay, as secrets are read with the key.

    And the data directory itself may be the mount point of a volume, which can't be moved.
    """
    directory, ours = layout.data_directory, binaries.major_version
    cluster, old = (shlex.quote(str(path)) for path in (layout.cluster, layout.cluster.with_suffix(f".{theirs}")))
    password = f'PGPASSWORD="$(cat {shlex.quote(str(layout.password_file))})"'
    host = f'PGHOST="$(sed -n 5p {shlex.quote(str(layout.postmaster_file))})"'
    programs = shlex.quote(str(binaries.root / "bin"))
    return (
        f"The embedded database in {directory} was written by Postgres {theirs}; this server brings Postgres {ours}, "
        f"which can't open it. Nothing was changed. Install a release of this server that brings Postgres {theirs} "
        "again, or move the data:\n"
        f"1. As user id {layout.cluster.stat().st_uid}, with the programs and pgvector of Postgres {theirs}:\n"
        f"   pg_ctl -D {cluster} -o '-k /tmp -c listen_addresses=' -w start\n"
        f"   {password} pg_dump -h /tmp -U {ROLE} --format=custom --file=/tmp/letta.dump letta\n"
        f"   pg_ctl -D {cluster} stop\n"
        "2. Move the old cluster away, and leave what is beside it: the encryption key is needed again.\n"
        f"   mv {cluster} {old}\n"
        "3. Start this server, which makes a new database. While it runs, put the dump in that one's place:\n"
        f"   export {password} {host} PGUSER={ROLE}\n"
        f"   {programs}/dropdb --force letta && {programs}/createdb letta\n"
        f"   {programs}/pg_restore -d letta /tmp/letta.dump\n"
        "4. Start the server once more: it brings the tables up to date."
    )


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
