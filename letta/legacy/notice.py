"""What is said at start-up where the former server's data are found and nothing is stored here yet."""

import logging

from sqlalchemy import Connection

from letta.legacy import found_repository

logger = logging.getLogger(__name__)


def tell_of_former_server(connection: Connection, schema: str, *, begun: bool, elsewhere: bool = False) -> None:
    """Tell what was found, and the command to bring it over.

    Args:
        begun: whether an import was begun, and isn't finished.
        elsewhere: whether it is another database, which isn't asked now.
    """
    if begun:
        logger.warning(
            "the import of the former server's data was started but is not finished: run `letta import-legacy`, which "
            "resumes where it was interrupted"
        )
        return
    if elsewhere:
        logger.warning(
            "LETTA_LEGACY_PG_URI is set to the former server's database, and this database is still empty: run `letta "
            "import-legacy --dry-run`, then `letta import-legacy`, or set LETTA_IMPORT_LEGACY=auto"
        )
        return
    found = found_repository.what_is_there(connection, schema)
    if found is not None:
        logger.warning(
            "found the former server's tables in schema %s (revision %s, about %s agents and %s messages), and this "
            "database is still empty: run `letta import-legacy --dry-run`, then `letta import-legacy`, or set "
            "LETTA_IMPORT_LEGACY=auto; the tables are only read",
            schema,
            found.revision,
            f"{found.agents:,}",
            f"{found.messages:,}",
        )
