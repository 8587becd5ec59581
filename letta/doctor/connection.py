"""The way to the database: its description, whether it leads there, and how well it is kept from others."""

import time

from psycopg2.extensions import ConnectionInfo

from letta.database.dsn import DsnKind, lint
from letta.doctor import repository
from letta.doctor.check import Verdict, fail, ok, warn
from letta.doctor.context import DoctorContext
from letta.doctor.database import Visit

_SESSION_POOL = 15
"""Clients that Supabase's session pooler admits per user and database."""


def connection_string(context: DoctorContext) -> Verdict:
    """Whether the settings name a database, in a form that can work."""
    if context.dsn_error:
        finding, _, remedy = context.dsn_error.partition(". ")
        return fail(f"{finding.rstrip('.')}.", remedy)
    if context.chosen is None:
        return _no_database(context)
    dsn, setting = context.chosen
    finding = " ".join([f"{setting}: {dsn.masked()}", *(f"({note})" for note in dsn.notes)])
    complaints = lint(dsn)
    return warn(finding, " ".join(complaints)) if complaints else ok(finding)


def _no_database(context: DoctorContext) -> Verdict:
    if context.on_render:
        return fail(
            "No database is configured, and Render erases its disk at every deploy.",
            "Set LETTA_PG_URI to the session pooler's string from Supabase's Connect page.",
        )
    return ok("No database is configured: the embedded Postgres is used.")


def reachability(visit: Visit) -> Verdict:
    """Whether the server answers, as what, and how fast. (The connection itself is the check.)"""
    started = time.monotonic()
    server = repository.server(visit.connection)
    milliseconds = (time.monotonic() - started) * 1000
    finding = f"PostgreSQL {server.version} responds in {milliseconds:.0f} ms."
    if server.read_only:
        return fail(
            f"{finding} It is read-only.",
            "Supabase: delete data or get more space, then set default_transaction_read_only = 'off'. "
            "A standby: use the primary's address.",
        )
    return ok(finding) if milliseconds < 100 else warn(finding, "Run the server and the database in the same region.")


def encryption_in_transit(visit: Visit) -> Verdict:
    """Whether others can read or alter what passes."""
    info = _info(visit)
    if info.ssl_in_use:
        protocol = info.ssl_attribute("protocol")
        if visit.dsn.options["sslmode"].startswith("verify"):
            return ok(f"{protocol}; the database's certificate is verified.")
        return ok(
            f"{protocol}; the database's certificate is not verified.",
            "To verify it, set LETTA_PG_SSLROOTCERT to the database's certificate authority.",
        )
    if visit.dsn.is_local:
        return ok("Not encrypted, and need not be: the database is on this machine.")
    return warn("Not encrypted.", "Add sslmode=require to the connection string unless the network is private.")


def pooler(visit: Visit) -> Verdict:
    """What stands between, and whether its limits suffice while two instances overlap in a deploy."""
    kind = visit.dsn.kind
    if kind is DsnKind.SUPABASE_DIRECT:
        return ok(
            f"{kind.value}; works where IPv6 is available.", "On Render, use the session pooler's connection string."
        )
    overlap = 2 * visit.context.connections
    if kind is DsnKind.SUPAVISOR_SESSION and overlap > _SESSION_POOL:
        return warn(
            f"{kind.value}: {_SESSION_POOL} clients at most, but two instances may open {overlap}.",
            "Lower LETTA_PG_POOL_SIZE and LETTA_PG_MAX_OVERFLOW, or use port 6543.",
        )
    if kind is not DsnKind.OTHER:
        return ok(f"{kind.value}; this server works with every pooler mode.")
    # A pooler makes up the process id that it greets its clients with.
    if _info(visit).backend_pid != repository.server(visit.connection).backend_pid:
        return ok("A pooler; this server works with every pooler mode.")
    return ok("None; the connection leads directly to Postgres.")


def _info(visit: Visit) -> ConnectionInfo:
    info: ConnectionInfo = visit.connection.connection.dbapi_connection.info  # type: ignore[union-attr]
    return info
