"""What the campaign breaks: Postgres with a pooler and wires in front of it, two servers on it, a model, a web site."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2

from letta.database.embedded import EmbeddedPostgres
from letta.testing.postgres import PostgresWire
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.counting_page import CountingPage
from tests.pooler import bouncer
from tests.reverse_proxy import ReverseProxy
from tests.support.waiting import until

LEASE_SECONDS = 2
_SCHEMA = "letta_test_crash"
_CLOCKS = {
    "LETTA_RUN_LEASE_SECONDS": str(LEASE_SECONDS),
    "LETTA_GRACEFUL_SHUTDOWN_SECONDS": "3",
    "LETTA_KEEPALIVE_INTERVAL": "5",
}


class World:
    """All that runs.

    Two servers share the database, as they do during every deploy, and clients reach them through one address. The
    first of them has a pooler in transaction mode between itself and Postgres, if one is asked for.

    Attributes:
        wires: between each server and what it takes for Postgres.
        pooler: None where there is none.
    """

    def __init__(self, directory: Path, stack: ExitStack, servers: int = 2, *, pooled: bool = False) -> None:
        self._data = directory / "pg"
        self._postgres = EmbeddedPostgres(self._data)
        self.uri = self._postgres.start()
        stack.callback(self._stop_postgres)
        self.pooler, addresses = None, [self.uri] * servers
        if pooled:
            self.pooler, addresses[0] = bouncer.before(self.uri, directory / "pooler")
            stack.callback(self.pooler.stop)
            self.pooler.start()
        self.wires = [stack.enter_context(PostgresWire(address)) for address in addresses]
        self.model = stack.enter_context(ScriptedModel(keep=20_000))
        self.page = stack.enter_context(CountingPage(seconds=0.1))
        self.requests_checked_at = 0.0
        self.servers = [
            ServerProcess(self._environment(wire), directory=directory / f"server-{number}")
            for number, wire in enumerate(self.wires)
        ]
        self.front = stack.enter_context(ReverseProxy([server.port for server in self.servers]))
        for server in self.servers:
            stack.callback(server.stop)
            server.start()

    def _environment(self, wire: PostgresWire) -> dict[str, str]:
        return _CLOCKS | {
            "LETTA_PG_URI": wire.uri,
            "LETTA_PG_SCHEMA": _SCHEMA,
            "LETTA_ENCRYPTION_KEY": "only-for-the-campaign-" + "0" * 20,
            "LETTA_ALLOW_PRIVATE_URLS": "127.0.0.1",
            "OPENAI_API_KEY": "scripted",
            "OPENAI_BASE_URL": self.model.base_url,
        }

    def settle(self) -> None:
        """Wait until all servers are there again."""
        for server in self.servers:
            server.wait_healthy()

    @contextmanager
    def database(self) -> Iterator[Any]:
        """A cursor in the servers' schema, not through the wire."""
        with closing(psycopg2.connect(self.uri)) as connection, connection.cursor() as cursor:
            connection.autocommit = True
            cursor.execute(f"SET search_path = {_SCHEMA}")
            yield cursor

    @contextmanager
    def without_postgres(self, how: signal.Signals = signal.SIGINT) -> Iterator[None]:
        """Postgres is down within. SIGINT: connections are told; SIGQUIT: as in a crash."""
        postmaster = int((self._data / "cluster" / "postmaster.pid").read_text().split()[0])
        os.kill(postmaster, how)
        until(lambda: not _is_alive(postmaster))
        try:
            yield
        finally:
            self._postgres.stop()
            if self._postgres.start() != self.uri:
                raise RuntimeError("Postgres came back at another address")

    def terminate_backends(self) -> None:
        """End all connections, of servers and pooler, from the side of Postgres."""
        with self.database() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
            )

    def _stop_postgres(self) -> None:
        self._postgres.stop()


def _is_alive(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    return False


@contextmanager
def world(servers: int = 2, *, pooled: bool = False) -> Iterator[World]:
    """A world of its own in a temporary directory."""
    with tempfile.TemporaryDirectory(prefix="letta-crash-") as directory, ExitStack() as stack:
        Path(directory).chmod(0o711)  # the pooler is another user
        yield World(Path(directory), stack, servers, pooled=pooled)
