"""The embedded Postgres as the rest of the server sees it."""

import os
import uuid
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2 import sql

from letta.database.embedded.account import Account, choose_account
from letta.database.embedded.binaries import find_binaries
from letta.database.embedded.cluster import ROLE, Cluster
from letta.database.embedded.errors import DataDirectoryError, EmbeddedPostgresError
from letta.database.embedded.layout import Layout
from letta.database.embedded.server import PORT, START_SECONDS, Server
from letta.database.embedded.users import User, UserList, locked

_LOCK_SECONDS = START_SECONDS + 30


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
        account = choose_account(self._layout)
        cluster = Cluster(self._layout, binaries, account)
        cluster.check_version()
        self._make_data_directory()
        with locked(self._layout.lock_file, _LOCK_SECONDS):
            socket_directory = self._ensure_running(cluster, Server(self._layout, binaries, account))
            password = cluster.password()
            self._ensure_database(socket_directory, password)
            self._used_by = os.getpid()
            UserList(self._layout.users_file).add(User.this_process(self._token))
            self._hand_over(account)
        return self._uri(socket_directory, password)

    def stop(self) -> None:
        """Use it no longer, and stop it unless another living process, or object in this one, does.

        Does nothing if this process hasn't started it. Connections that are still open are cut.

        Raises:
            EmbeddedPostgresError: it doesn't end.
        """
        if self._used_by != os.getpid():
            return
        with locked(self._layout.lock_file, _LOCK_SECONDS):
            others = UserList(self._layout.users_file).remove(self._token)
            if not others:
                Server(self._layout, find_binaries(), choose_account(self._layout)).stop()
        self._used_by = None

    def _make_data_directory(self) -> None:
        directory = self._layout.data_directory
        try:
            if not directory.exists():
                directory.mkdir(parents=True)
                # Below root's directory Postgres owns its own parts only, and has to get to them.
                directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
            (directory / ".writable").touch()
            (directory / ".writable").unlink()
        except OSError as error:
            raise DataDirectoryError(
                f"The embedded Postgres can't keep its data in {directory}: {error.strerror}. Make it a directory that "
                f"user id {os.geteuid()} can write to, or set LETTA_PG_DATA to another one."
            ) from error

    def _ensure_running(self, cluster: Cluster, server: Server) -> Path:
        running = server.find()
        if running is not None:
            server.limit_log()
            return running
        cluster.ensure()
        return server.start()

    def _ensure_database(self, socket_directory: Path, password: str) -> None:
        try:
            connection = psycopg2.connect(
                host=str(socket_directory), port=PORT, user=ROLE, password=password, dbname="postgres"
            )
        except psycopg2.OperationalError as error:
            raise EmbeddedPostgresError(
                f"The embedded Postgres runs, but lets nobody in: {str(error).strip()}\nIf it is the password, restore "
                f"{self._layout.password_file} from a backup; else see {self._layout.log_file}."
            ) from error
        with closing(connection), connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute("SELECT FROM pg_database WHERE datname = %s", [self._database])
            if not cursor.rowcount:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self._database)))

    def _uri(self, socket_directory: Path, password: str) -> str:
        place = f"host={quote(str(socket_directory))}&port={PORT}"
        return f"postgresql://{ROLE}:{quote(password, safe='')}@/{quote(self._database, safe='')}?{place}"

    def _hand_over(self, account: Account) -> None:
        """Let the server's user go on with our files when it starts the server itself the next time."""
        layout = self._layout
        for path in (layout.lock_file, layout.alive_file, layout.users_file, layout.log_file):
            if path.exists():
                account.own(path)
