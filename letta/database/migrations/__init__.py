"""Schema versions: which one the database has, which one the code needs, and the way from one to the other.

Alembic itself is loaded only when there is something to do.
"""

import logging
from pathlib import Path

from sqlalchemy import Connection, text

from letta.database.base import SCHEMA
from letta.database.engine import Database
from letta.errors import ConfigurationError

HEAD = "0024"
"""The revision that this code needs; a test holds it to the newest file in ``versions/``."""

logger = logging.getLogger(__name__)


def current_revision(connection: Connection) -> str | None:
    """The database's revision, or None where our tables are not."""
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"{SCHEMA}.alembic_version"}) is None:
        return None
    revision: str | None = connection.scalar(text(f"SELECT version_num FROM {SCHEMA}.alembic_version"))
    return revision


def known_revisions() -> set[str]:
    """All revisions that this code can migrate from."""
    versions = Path(__file__).parent / "versions"
    return {path.name.partition("_")[0] for path in versions.glob("[0-9]*.py")}


def migrate(database: Database) -> bool:
    """Bring the schema up to date; nothing is written when it already is.

    Safe to run from several processes at once. Returns whether it was behind.

    Raises:
        ConfigurationError: the schema is newer than this code, or pgvector is missing and can't be created.
    """
    revision = database.run_sync(current_revision)
    if revision == HEAD:
        return False
    if revision is not None and revision not in known_revisions():
        raise ConfigurationError(
            f"The database schema is at revision {revision}, which this version does not know. "
            "It was written by a newer version: deploy that version again."
        )
    from letta.database.migrations.upgrade import upgrade

    upgrade(database)
    logger.info("database schema migrated from %s to %s", revision or "nothing", HEAD)
    return True
