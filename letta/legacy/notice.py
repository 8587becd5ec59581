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
            "bringing over the former server's data was begun and isn't finished: run `letta import-legacy`, which "
            "goes on where it was broken off"
        )
        return
    if elsewhere:
        logger.warning(
            "LETTA_LEGACY_PG_URI names the former server's database, and nothing is stored here yet: run "
            "`letta import-legacy --dry-run`, then `letta import-legacy`, or set LETTA_IMPORT_LEGACY=auto"
        )
        return
    found = found_repository.what_is_there(connection, schema)
    if found is not None:
        logger.warning(
            "found the former server's tables in schema %s (revision %s, about %s agents and %s messages), and nothing "
            "is stored here yet: run `letta import-legacy --dry-run`, then `letta import-legacy`, or set "
            "LETTA_IMPORT_LEGACY=auto; they are only read",
            schema,
            found.revision,
            f"{found.agents:,}",
            f"{found.messages:,}",
        )
