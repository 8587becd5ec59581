"""A PgBouncer of one's own, to be started, dropped and started again."""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from psycopg2.extensions import parse_dsn

from letta.database.embedded.account import SERVICE_UID
from letta.database.embedded.processes import wait_until
from letta.testing.server import free_port
from tests.skips import SEARCH_PATH

_START_SECONDS = 10
_PROGRAM = "pgbouncer"

_TRANSACTION_MODE = """
[databases]
{database} = host={host} port={server_port} dbname={database} pool_size=5
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
pool_mode = transaction
max_client_conn = 200
query_wait_timeout = 10
server_login_retry = 1
ignore_startup_parameters = extra_float_digits
auth_type = scram-sha-256
auth_file = {directory}/users
logfile = {directory}/pgbouncer.log
"""


def is_installed() -> bool:
    """Whether there is a PgBouncer on this machine."""
    return shutil.which(_PROGRAM, path=SEARCH_PATH) is not None


class PgBouncer:
    """One that reads its configuration from ``pgbouncer.ini`` in a directory which others may pass through."""

    def __init__(self, directory: Path, port: int) -> None:
        self.port = port
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens.

        Raises:
            RuntimeError: it doesn't.
        """
        uid = _hand_over(self._directory)
        self._process = subprocess.Popen(
            [shutil.which(_PROGRAM, path=SEARCH_PATH) or _PROGRAM, "-q", str(self._directory / "pgbouncer.ini")],
            stdin=subprocess.DEVNULL,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
        if not wait_until(lambda: _listens(self.port), _START_SECONDS):
            self.stop()
            raise RuntimeError((self._directory / "pgbouncer.log").read_text())

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it at once, with all of its connections."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None


def before(uri: str, directory: Path) -> tuple[PgBouncer, str]:
    """One in transaction mode in front of a Postgres, not started yet, and the address that leads through it."""
    server, port = parse_dsn(uri), free_port()
    database, user, password = server["dbname"], server["user"], server["password"]
    directory.mkdir(mode=0o700)
    configuration = _TRANSACTION_MODE.format(
        database=database, host=server["host"], server_port=server["port"], port=port, directory=directory
    )
    (directory / "pgbouncer.ini").write_text(configuration)
    (directory / "users").write_text(f'"{user}" "{password}"\n')
    return PgBouncer(directory, port), f"postgresql://{user}:{password}@127.0.0.1:{port}/{database}"


def _hand_over(directory: Path) -> int | None:
    """Give it to the user that may open the server's socket, as PgBouncer refuses to run as root; None if we aren't."""
    if os.geteuid() != 0:
        return None
    for path in (directory, *directory.iterdir()):
        os.chown(path, SERVICE_UID, SERVICE_UID)
    return SERVICE_UID


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
