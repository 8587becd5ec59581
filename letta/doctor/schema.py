"""What is in the database: pgvector, our tables, and room for more."""

import re
from dataclasses import replace

import psycopg2
from sqlalchemy import Connection

from letta.archives.vector_index_repository import NoSessionError, leads_to_session
from letta.database.all_tables import metadata
from letta.database.base import SCHEMA
from letta.database.failures import hint
from letta.database.migrations import HEAD, current_revision, known_revisions
from letta.database.size import database_bytes
from letta.doctor import repository
from letta.doctor.check import Verdict, fail, ok, skip, warn
from letta.doctor.database import Visit

_HALFVEC_SINCE = (0, 7)
_FULL = 0.8
_MEGABYTE = 1024 * 1024


def pgvector(visit: Visit) -> Verdict:
    """Whether vectors can be stored and compared."""
    extension = repository.vector_extension(visit.connection)
    if extension is None:
        return _pgvector_missing(visit.connection)
    finding = f"Version {extension.version} in schema {extension.schema}."
    if not extension.usable:
        return fail(finding, f"As an administrator: GRANT USAGE ON SCHEMA {extension.schema} TO the server's role;")
    if _version(extension.version) < _HALFVEC_SINCE:
        return warn(
            f"{finding} It does not support half-precision vectors.",
            "To halve the space used by vectors: ALTER EXTENSION vector UPDATE;",
        )
    return ok(finding)


def _pgvector_missing(connection: Connection) -> Verdict:
    available = repository.vector_available(connection)
    if available is None:
        return fail(
            "The database server does not offer it.",
            "Use a Postgres with pgvector, such as Supabase or Render Postgres.",
        )
    statement = "CREATE EXTENSION vector" + (" WITH SCHEMA extensions" if repository.has_public_api(connection) else "")
    if repository.is_superuser(connection):
        return ok(f"Version {available} is available and will be installed at the first start of the server.")
    return warn(
        f"Version {available} is available but not installed; the role may lack the privilege to install it.",
        f"If the first start fails, run as an administrator: {statement};",
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def schema_version(visit: Visit) -> Verdict:
    """Whether the tables are those that this code knows."""
    revision = current_revision(visit.connection)
    if revision is None:
        return _no_tables(visit.connection)
    if revision == HEAD:
        return ok(f"Schema {SCHEMA} is at revision {revision}, which is current.")
    if revision in known_revisions():
        return warn(
            f"The schema is at revision {revision}, but this version needs {HEAD}.",
            "Run `letta migrate`, or start the server.",
        )
    return fail(
        f"The schema is at revision {revision}, which is newer than this version of the server.",
        "Deploy the newer version of the server again.",
    )


def _no_tables(connection: Connection) -> Verdict:
    if not repository.schema_exists(connection) and not repository.may_create_schema(connection):
        return fail(
            f"Schema {SCHEMA} does not exist, and the server's role can't create it.",
            f"As an administrator: CREATE SCHEMA {SCHEMA} AUTHORIZATION the server's role;",
        )
    tables = repository.tables(connection)
    taken = sorted(tables & {table.name for table in metadata.sorted_tables})
    if taken:
        return fail(
            f"Schema {SCHEMA} contains tables of another application with names that this server needs: "
            f"{', '.join(taken)}.",
            "Set LETTA_PG_SCHEMA to a name that isn't in use, or move those tables away.",
        )
    if tables:
        return warn(
            f"Schema {SCHEMA} is used by another application: {', '.join(sorted(tables))}. This server would create "
            "its tables beside them.",
            "Set LETTA_PG_SCHEMA to a name that isn't in use.",
        )
    return ok(f"Schema {SCHEMA} has no tables yet; they are created at the first start of the server.")


def size(visit: Visit) -> Verdict:
    """How much room is left."""
    megabytes = database_bytes(visit.connection) / _MEGABYTE
    quota = visit.context.quota_mb
    if quota is None:
        return ok(f"{megabytes:.0f} MB.")
    finding = f"{megabytes:.0f} of {quota} MB."
    remedy = "Lower LETTA_TRACE_MAX_MB, delete data, or get more space and set LETTA_DB_QUOTA_MB to the new size."
    if megabytes >= quota:
        return fail(f"{finding} The database may become read-only.", remedy)
    return warn(finding, remedy) if megabytes >= _FULL * quota else ok(finding)


def vector_indexes(visit: Visit) -> Verdict:
    """Whether large archives have the index that makes their search quick."""
    if current_revision(visit.connection) != HEAD:
        return skip("The tables are not those of this version.")
    ready, reasons = repository.vector_indexes(visit.connection)
    obstacle = _obstacle_to_indexes(visit)
    if obstacle is not None:
        return warn(f"{ready} archives have one; no further ones can be built. Only large archives need one.", obstacle)
    if not reasons:
        return ok(f"{ready} archives are large enough to have one.")
    archive_id, reason = next(iter(reasons.items()))
    return warn(
        f"{len(reasons)} large archives have none, so searching them is slow, but still exact.",
        f"Archive {archive_id}: {reason} The server tries again after an hour, or a day after a failed build.",
    )


def _obstacle_to_indexes(visit: Visit) -> str | None:
    """Why the connection for maintenance is of no use, with what to do about it."""
    if visit.context.maintenance_problem is not None:
        return visit.context.maintenance_problem
    dsn = visit.context.maintenance or visit.dsn.maintenance_dsn()
    try:
        session = leads_to_session(replace(dsn, options={**dsn.options, "connect_timeout": "5"}))
    except psycopg2.Error as error:
        return f"LETTA_PG_MAINTENANCE_URI: {hint(error, setting='LETTA_PG_MAINTENANCE_URI')}"
    return None if session else NoSessionError().detail
