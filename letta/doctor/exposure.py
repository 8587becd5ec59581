"""Whether the database shows our tables to others."""

from sqlalchemy import Connection

from letta.database.base import SCHEMA
from letta.doctor import repository
from letta.doctor.check import Verdict, fail, ok, skip, warn
from letta.doctor.database import Visit


def exposure(visit: Visit) -> Verdict:
    """Whether Supabase's data API, whose anonymous key is public, or any other role gets at our tables."""
    connection = visit.connection
    if not repository.schema_exists(connection):
        return skip(f"Schema {SCHEMA} does not exist yet.")
    if SCHEMA == "public":
        return _in_public(connection)
    admitted = repository.admitted_outsiders(connection)
    if admitted:
        names = ", ".join(admitted)
        return fail(f"Schema {SCHEMA} is accessible to {names}.", f"REVOKE ALL ON SCHEMA {SCHEMA} FROM {names};")
    unguarded = repository.unguarded_tables(connection)
    if unguarded:
        return warn(
            f"Row security is off for {', '.join(unguarded)}; the schema itself is not accessible to others.",
            f"ALTER TABLE {SCHEMA}.{unguarded[0]} ENABLE ROW LEVEL SECURITY; and so on.",
        )
    return ok(f"Schema {SCHEMA} is not accessible to other roles.")


def _in_public(connection: Connection) -> Verdict:
    if repository.has_public_api(connection):
        return fail("The tables are in schema public, which the data API exposes.", "Set LETTA_PG_SCHEMA to letta.")
    return warn("The tables are in schema public, which every role can use.", "Set LETTA_PG_SCHEMA to letta.")
