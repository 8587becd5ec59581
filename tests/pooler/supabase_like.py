"""A Postgres as Supabase offers it: reached over TLS through a pooler in transaction mode, by a role with few rights.

What it has in common with Supabase: pgvector lives in the schema `extensions`; the role `postgres` owns the database
but is no superuser; `anon` and `authenticated` exist and get rights on new tables in `public`; statements are limited
to two minutes; the password has characters that URIs escape. Here the server is the embedded Postgres, and the pooler
is PgBouncer, with fewer server connections than clients, so that clients meet each other's.

    python -m tests.pooler.supabase_like python -m pytest -m database
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2
from psycopg2.extensions import parse_dsn

from letta.database.embedded import EmbeddedPostgres
from letta.testing.server import free_port
from tests.pooler.bouncer import PgBouncer

PASSWORD = "p@ss/w#rd%1"
POOL_SIZE = 5
_SESSION_ALIAS = "postgres_session"

_SETUP = f"""
CREATE ROLE postgres LOGIN CREATEDB CREATEROLE BYPASSRLS PASSWORD '{PASSWORD}';
CREATE ROLE anon; CREATE ROLE authenticated; CREATE ROLE service_role BYPASSRLS;
ALTER DATABASE postgres OWNER TO postgres;
ALTER DATABASE postgres SET statement_timeout = '2min';
ALTER ROLE postgres SET search_path = "$user", public, extensions;
CREATE SCHEMA extensions;
CREATE EXTENSION vector SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
GRANT ALL ON SCHEMA public TO postgres;
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER SYSTEM SET fsync = off;
SELECT pg_reload_conf()
"""

_PGBOUNCER = """
[databases]
postgres = {server} dbname=postgres pool_mode=transaction pool_size={pool_size}
{alias} = {server} dbname=postgres pool_mode=session pool_size=15
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
max_client_conn = 200
query_wait_timeout = 60
ignore_startup_parameters = extra_float_digits
auth_type = scram-sha-256
auth_file = {directory}/users
client_tls_sslmode = require
client_tls_key_file = {directory}/key.pem
client_tls_cert_file = {directory}/certificate.pem
logfile = {directory}/pgbouncer.log
"""


@dataclass(frozen=True)
class SupabaseLike:
    """Where it is reached."""

    admin_uri: str
    """As superuser, past the pooler."""
    port: int
    authority: Path
    """The certificate to trust."""

    @property
    def uri(self) -> str:
        """Through the pooler in transaction mode."""
        return self._uri("postgres")

    @property
    def session_uri(self) -> str:
        """Through the pooler in session mode."""
        return self._uri(_SESSION_ALIAS)

    def _uri(self, database: str) -> str:
        login = f"postgres:{quote(PASSWORD, safe='')}"
        tls = f"sslmode=verify-full&sslrootcert={self.authority}"
        return f"postgresql://{login}@localhost:{self.port}/{database}?{tls}"


@contextmanager
def supabase_like() -> Iterator[SupabaseLike]:
    """Have one running."""
    # Not among pytest's directories: those are closed to the user that the pooler runs as.
    directory = Path(tempfile.mkdtemp(prefix="letta-pooler-"))
    directory.chmod(0o711)
    postgres = EmbeddedPostgres(directory / "pg", database="postgres")
    try:
        admin_uri = postgres.start()
        _execute(admin_uri, _SETUP)
        with _pgbouncer(directory, admin_uri) as port:
            yield SupabaseLike(admin_uri, port, directory / "certificate.pem")
    finally:
        postgres.stop()
        shutil.rmtree(directory)


@contextmanager
def _pgbouncer(directory: Path, admin_uri: str) -> Iterator[int]:
    port, server = free_port(), parse_dsn(admin_uri)
    files = directory / "pgbouncer"
    files.mkdir(mode=0o700)
    _make_certificate(files)
    shutil.copy(files / "certificate.pem", directory)
    configuration = _PGBOUNCER.format(
        server=f"host={server['host']} port={server['port']}",
        pool_size=POOL_SIZE,
        alias=_SESSION_ALIAS,
        port=port,
        directory=files,
    )
    (files / "pgbouncer.ini").write_text(configuration)
    (files / "users").write_text(f'"postgres" "{PASSWORD}"\n')
    pooler = PgBouncer(files, port)
    pooler.start()
    try:
        yield port
    finally:
        pooler.stop()


def _make_certificate(directory: Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command += ["-keyout", str(directory / "key.pem"), "-out", str(directory / "certificate.pem")]
    subprocess.run(command, check=True, capture_output=True)


def _execute(uri: str, statements: str) -> None:
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        for statement in statements.strip().split(";"):
            cursor.execute(statement)


def main(command: Sequence[str]) -> int:
    """Run a command with LETTA_TEST_PG_URI, and the way to a session, set; its exit code."""
    with supabase_like() as database:
        environment = {
            "LETTA_TEST_PG_URI": database.uri,
            "LETTA_PG_MAINTENANCE_URI": database.session_uri,
            "LETTA_PG_SCHEMA": "letta_test_pooler",
        }
        return subprocess.run(command, env={**os.environ, **environment}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
