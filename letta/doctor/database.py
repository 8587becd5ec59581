"""The doctor's connection: one, for reading, that gives up in good time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from letta.database.dsn import Dsn
from letta.database.engine import Database
from letta.doctor.context import DoctorContext

_CONNECT_SECONDS = 10
_BEGIN = "BEGIN READ ONLY; SET LOCAL statement_timeout = '5s'; SET LOCAL lock_timeout = '1s'; "


@dataclass(frozen=True)
class Visit:
    """A look into the database, within one transaction."""

    context: DoctorContext
    dsn: Dsn
    connection: Connection


class DoctorDatabase:
    """The database of a connection string, opened by the first transaction."""

    def __init__(self, dsn: Dsn) -> None:
        limits = {"connect_timeout": str(_CONNECT_SECONDS), "tcp_user_timeout": str(_CONNECT_SECONDS * 1000)}
        bounded = replace(dsn, options={**dsn.options, **limits})
        self._database = Database(bounded, pool_size=1, max_overflow=0, application_name="letta doctor")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A transaction that can't write. Raises what the driver raises, wrapped by SQLAlchemy."""
        with self._database.transaction(_BEGIN) as connection:
            yield connection

    def close(self) -> None:
        """Close the connection."""
        self._database.close()
