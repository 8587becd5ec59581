"""The embedded Postgres as the rest of the server sees it."""

import os
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from letta.database.embedded.account import Account, choose_account
from letta.database.embedded.binaries import Binaries, find_binaries
from letta.database.embedded.cluster import ROLE, Cluster
from letta.database.embedded.errors import DataDirectoryError, EmbeddedPostgresError
from letta.database.embedded.key import adopt_key, ensure_key, make_key, propose_key, read_key
from letta.database.embedded.layout import Layout
from letta.database.embedded.postmaster import Postmaster
from letta.database.embedded.server import PORT, START_SECONDS, Server
from letta.database.embedded.users import User, UserList, locked

_LOCK_SECONDS = START_SECONDS + 30
_DYING_SECONDS = 0.2


class EmbeddedPostgres:
    """A Postgres 18 with pgvector of our own, on the data in one directory.

    It runs apart from this process, so neither Ctrl-C nor the end of this process ends it; whoever starts it next on
    the same directory finds it. It listens on a Unix socket only, and asks for a password.

    Args:
        data_directory: everything it keeps is below this one; made if it doesn't exist.
        database: made if it doesn't exist.
    """

    def __init__(self, data_directory: Path, *, database: str = "letta") -> None:
        self._layout = Layout(data_directory.resolve())
        self._database = database
        self._token = str(uuid.uuid4())
        self._used_by: int | None = None

    def start(self) -> str:
        """Have it running, with this process as one of its users. May be called again at any time.

        Returns:
            a libpq URI, with password, of a role that may install extensions.

        Raises:
            EmbeddedPostgresError: it can't be had; the message says what to do.
        """
        binaries = find_binaries()
        with self._explained():
            account = choose_account(self._layout)
            cluster = Cluster(self._layout, binaries, account)
            cluster.check_version()
            self._make_data_directory()
            with self._locked(account):
                server = Server(self._layout, binaries, account)
                postmaster = self._ensure_running(cluster, server, binaries)
                password = cluster.password()
                if not self._ensure_database(postmaster, password):
                    postmaster = self._ensure_running(cluster, server, binaries)
                    self._ensure_database(postmaster, password)
                self._used_by = os.getpid()
                self._users.add(User.this_process(self._token))
        return self._uri(postmaster.socket_directory, password)

    def stop(self) -> None:
        """Use it no longer, and stop it unless another living process, or object in this one, does.

        Does nothing if this process hasn't started it. Connections that are still open are cut.

        Raises:
            EmbeddedPostgresError: it doesn't end.
        """
        if self._used_by != os.getpid():
            return
        with self._explained():
            account = choose_account(self._layout)
            with self._locked(account):
                self._users.remove(self._token)
                if not self._users.living_but(self._token):
                    Server(self._layout, find_binaries(), account).stop()
        self._used_by = None

    @property
    def has_data(self) -> bool:
        """Whether there is a database already."""
        return self._layout.version_file.exists()

    def check(self) -> None:
        """See whether the data are ours to open; touches nothing, and starts nothing.

        Raises:
            EmbeddedPostgresError: they aren't; the message says what to do.
        """
        binaries = find_binaries()
        with self._explained():
            Cluster(self._layout, binaries, choose_account(self._layout)).check_version()

    @property
    def key_file(self) -> Path:
        """Where the encryption key is, if one was made."""
        return self._layout.key_file

    def read_key(self) -> str | None:
        """The encryption key beside the data, or None if there is none yet.

        Raises:
            DataDirectoryError: its file can't be used.
        """
        with self._explained():
            return read_key(self._layout)

    def ensure_key(self, *, one_is_known: bool) -> str:
        """The encryption key beside the data; made unless the database knows one already. To be called once started.

        Raises:
            DataDirectoryError: its file can't be used, or is missing although a key is known.
        """
        with self._explained(), self._locked(choose_account(self._layout)):
            return ensure_key(self._layout, one_is_known=one_is_known)

    def renew_key(self) -> str:
        """Another encryption key beside the data. What was encrypted with the one before can't be read any more."""
        with self._explained(), self._locked(choose_account(self._layout)):
            return make_key(self._layout)

    def propose_key(self) -> str:
        """A key to go on with. It is kept beside the one in force until `adopt_key`, so that it can't be lost."""
        with self._explained(), self._locked(choose_account(self._layout)):
            return propose_key(self._layout)

    def adopt_key(self) -> None:
        """Put the proposed key, with which everything is encrypted now, in the place of the one in force."""
        with self._explained(), self._locked(choose_account(self._layout)):
            adopt_key(self._layout)

    @property
    def _users(self) -> UserList:
        return UserList(self._layout.users_file)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise DataDirectoryError(
                f"The embedded Postgres can't work in {self._layout.data_directory}: {error}. Make it writable for "
                f"user id {os.geteuid()}, or set LETTA_PG_DATA to another directory."
            ) from error

    @contextmanager
    def _locked(self, account: Account) -> Iterator[None]:
        """Keep others out, and leave our files to the server's user, who may be the next one to start it."""
        layout = self._layout
        with locked(layout.lock_file, _LOCK_SECONDS):
            yield
            for path in (layout.lock_file, layout.alive_file, layout.users_file, layout.log_file):
                account.own(path)

    def _make_data_directory(self) -> None:
        directory = self._layout.data_directory
        if not directory.exists():
            directory.mkdir(parents=True)
            # Below root's directory Postgres owns its own parts only, and has to get to them.
            directory.chmod(0o711 if os.geteuid() == 0 else 0o700)

    def _ensure_running(self, cluster: Cluster, server: Server, binaries: Binaries) -> Postmaster:
        running = server.find()
        if running is not None:
            if running.runs_from(binaries) or self._users.living_but(self._token):
                server.limit_log()
                return running
            server.stop()
        cluster.ensure()
        return server.start()

    def _ensure_database(self, postmaster: Postmaster, password: str) -> bool:
        """Make the database if there is none; False if the server has just died, from a kill a moment ago."""
        try:
            connection = psycopg2.connect(
                host=str(postmaster.socket_directory), port=PORT, user=ROLE, password=password, dbname="postgres"
            )
        except psycopg2.OperationalError as error:
            if postmaster.ends_within(_DYING_SECONDS):
                return False
            raise EmbeddedPostgresError(
                f"The embedded Postgres is running but rejects connections: {str(error).strip()}\nIf the password is "
                f"the problem, restore {self._layout.password_file} from a backup; else see {self._layout.log_file}."
            ) from error
        with closing(connection), connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [self._database])
            if not cursor.rowcount:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))
        return True

    def _uri(self, socket_directory: Path, password: str) -> str:
        place = f"host={quote(str(socket_directory))}&port={PORT}"
        return f"postgresql://{ROLE}:{quote(password, safe='')}@/{quote(self._database, safe='')}?{place}"
