"""How large the database is."""

from sqlalchemy import Connection, text


def database_bytes(connection: Connection) -> int:
    """Size of the whole database, which is what quotas count."""
    return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
