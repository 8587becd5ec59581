"""Connections, transactions and their repetition: the one way to the database.

A *unit* is a plain function ``unit(connection, …)``. It runs in one transaction on one thread, and as a whole again
where that is safe, so it must have no effect outside the database.
"""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg2
from sqlalchemy import Connection, Engine, QueuePool, create_engine, event
from sqlalchemy.exc import DisconnectionError

from letta.database.dsn import Dsn
from letta.database.encryption import OtherKeyError, keyring
from letta.database.failures import FailureKind, classify, hint
from letta.database.revival import Revival
from letta.errors import UnavailableError
from letta.telemetry import metrics, tracing

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

_SETTINGS = (
    "SET LOCAL statement_timeout='60s'; SET LOCAL lock_timeout='5s'; "
    "SET LOCAL idle_in_transaction_session_timeout='60s'; "
)
_BEGIN = "BEGIN; " + _SETTINGS
_BEGIN_READ_ONLY = "BEGIN READ ONLY; " + _SETTINGS
_IDLE_SECONDS_BEFORE_PING = 30
_PAUSES = (0.05, 0.2, 1.0)
"""Seconds before the second, third and fourth try of a unit."""

_REPEATABLE = {
    FailureKind.RETRY_TRANSACTION,
    FailureKind.CONNECTION_LOST,
    FailureKind.CAPACITY,
    FailureKind.STARTING_UP,
    FailureKind.UNREACHABLE,
}
"""Nothing was committed. (A connection lost during COMMIT is a matter of its own.)"""


class CommitUnknownError(UnavailableError):
    """The connection was lost while COMMIT was under way: nobody knows whether the unit took effect."""

    def __init__(self) -> None:
        super().__init__(
            "The database connection was lost during a commit. Check whether the change was saved, then try again."
        )


class Database:
    """A small pool of connections, and threads to use them from asyncio.

    Every pooler mode works: no session state is relied on, and nothing is prepared on the server.
    """

    def __init__(
        self,
        dsn: Dsn,
        *,
        pool_size: int = 3,
        max_overflow: int = 2,
        pool_timeout: float = 10,
        application_name: str = "letta",
        revive: Callable[[], Dsn] | None = None,
    ) -> None:
        """`revive` starts the database, if that is up to us, and returns where it is then."""
        self.dsn = dsn
        self._application_name = application_name
        self._revival = Revival(lambda: self._move(revive()), "The embedded Postgres") if revive else None
        self.engine = _create_engine(self._connect, pool_size, max_overflow, pool_timeout)
        self.check_key: Callable[[Connection], None] | None = None
        """Raises where the encryption key in force isn't the database's any more."""
        self._most_connections = pool_size + max_overflow
        self._threads = ThreadPoolExecutor(pool_size + max_overflow, thread_name_prefix="database")

    async def run(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a unit in a transaction on a thread and return what it returned.

        Raises:
            UnavailableError: the database can't be reached, is full or is read-only.
            CommitUnknownError: the connection was lost during COMMIT.
        """
        return await self._on_thread(unit, lambda: self.run_sync(unit, *args, **kwargs))

    async def read(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, in a transaction that can't write."""
        return await self._on_thread(unit, lambda: self.read_sync(unit, *args, **kwargs))

    async def discard(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, but whatever the unit writes is rolled back: for looking at what something would do."""
        return await self._on_thread(unit, lambda: self._repeat(lambda: self._discarded(unit, *args, **kwargs)))

    async def run_confirmed(self, unit: Callable[[Connection], T], confirm: Callable[[Connection], T | None]) -> T:
        """Run a unit whose effect can be looked up, so that it's certain even when a COMMIT was cut off.

        ``confirm`` returns the unit's result when the unit has taken effect, else None (the unit is then run again).
        """
        unknown = False
        for _ in _PAUSES:
            try:
                return await self.run(unit)
            except Exception as error:
                unknown = unknown or isinstance(error, CommitUnknownError)
                found = await self.run(confirm) if unknown else None
                if found is not None:
                    return found
                if not isinstance(error, CommitUnknownError):
                    raise  # not because of an earlier COMMIT, which was still under way when it was looked for
        raise CommitUnknownError

    def run_sync(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `run`, on the calling thread."""
        return self._repeat(lambda: self._once(_BEGIN, unit, *args, **kwargs))

    def read_sync(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, on the calling thread."""
        return self._repeat(lambda: self._read(unit, *args, **kwargs))

    @contextmanager
    def transaction(self, begin: str = _BEGIN) -> Iterator[Connection]:
        """One transaction, never repeated. BEGIN travels with the first statement, which saves a round trip."""
        with self.engine.connect() as connection:
            connection.info["begin"] = begin
            try:
                yield connection
            except BaseException:
                _roll_back(connection)
                raise
            _commit(connection)

    @property
    def connections_used(self) -> int:
        """Connections that units work with at the moment."""
        pool = self.engine.pool
        return pool.checkedout() if isinstance(pool, QueuePool) else 0

    @property
    def connections_limit(self) -> int:
        """Most connections that are opened."""
        return self._most_connections

    def close(self) -> None:
        """Close all connections. Running units are waited for."""
        if self._revival is not None:
            self._revival.end()
        self._threads.shutdown(wait=True)
        self.engine.dispose()

    async def _on_thread(self, unit: Callable[..., T], work: Callable[[], T]) -> T:
        """Do the work of a unit on one of our threads, which knows for whom it works."""
        asked = time.perf_counter()

        def timed() -> T:
            began = time.perf_counter()
            metrics.database_wait_seconds.observe(began - asked)
            try:
                return work()
            finally:
                metrics.database_unit_seconds.observe(time.perf_counter() - began)

        with tracing.inner_span(f"database {_name_of(unit)}", lambda: {"db.system.name": "postgresql"}):
            return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, timed)

    def _once(self, begin: str, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.transaction(begin) as connection:
            return unit(connection, *args, **kwargs)

    def _read(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with suppress(CommitUnknownError), self.transaction(_BEGIN_READ_ONLY) as connection:
            found = unit(connection, *args, **kwargs)
        return found

    def _discarded(self, unit: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        with self.engine.connect() as connection:
            connection.info["begin"] = _BEGIN
            try:
                return unit(connection, *args, **kwargs)
            finally:
                _roll_back(connection)

    def _repeat(self, attempt: Callable[[], T]) -> T:
        for pause in (*_PAUSES, None):
            try:
                return self._with_key_checked(attempt)
            except CommitUnknownError:
                raise
            except Exception as error:
                kind = classify(error)
                if kind is None or kind is FailureKind.PERMANENT:
                    raise
                reviving = self._revival if kind is FailureKind.UNREACHABLE else None
                if reviving is not None:
                    reviving.begin()
                if pause is None or kind not in _REPEATABLE:
                    detail = reviving.news if reviving is not None else hint(error)
                    metrics.database_failures.add(kind.name.lower())
                    logger.warning("database unit failed: %s (%s)", kind.name, detail)
                    raise UnavailableError(detail) from error
                metrics.database_retries.add(kind.name.lower())
                time.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - jitter
        raise AssertionError("unreachable")

    def _with_key_checked(self, attempt: Callable[[], T]) -> T:
        """Work that meets secrets of other keys: they read as empty, unless one of those is the database's by now."""
        while True:
            try:
                return attempt()
            except OtherKeyError as error:
                if self.check_key is None:
                    raise
                self._once(_BEGIN_READ_ONLY, self.check_key)
                keyring.bear(error.key_id)

    def _connect(self) -> "psycopg2.extensions.connection":
        opened: psycopg2.extensions.connection = psycopg2.connect(**self.dsn.connect_arguments(self._application_name))
        return opened

    def _move(self, dsn: Dsn) -> None:
        self.dsn = dsn


def _name_of(unit: Callable[..., Any]) -> str:
    while isinstance(unit, partial):
        unit = unit.func
    return getattr(unit, "__name__", "unit")


def _create_engine(
    connect: "Callable[[], psycopg2.extensions.connection]", pool_size: int, max_overflow: int, pool_timeout: float
) -> Engine:
    engine = create_engine(
        "postgresql+psycopg2://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=pool_size,
        max_overflow=max_overflow,
        pool_timeout=pool_timeout,
        pool_recycle=300,
        pool_use_lifo=True,
        pool_reset_on_return=None,
        isolation_level="AUTOCOMMIT",  # transactions are opened by `transaction`, together with their settings
        use_native_hstore=False,
        hide_parameters=True,  # they are what people said
    )
    event.listen(engine, "checkout", _ping_if_idle)
    event.listen(engine, "checkin", _remember_use)
    event.listen(engine, "before_cursor_execute", _open_transaction, retval=True)
    return engine


def _open_transaction(
    connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool
) -> tuple[str, Any]:
    metrics.database_statements.add()
    begin = connection.info.pop("begin", None)
    if begin is None:
        return statement, parameters
    connection.info["open"] = True
    return begin + statement, parameters


def _commit(connection: Connection) -> None:
    if not connection.info.pop("open", False):
        connection.info.pop("begin", None)
        return
    try:
        connection.exec_driver_sql("COMMIT")
    except Exception as error:
        lost = classify(error) is FailureKind.CONNECTION_LOST
        connection.invalidate()
        if lost:
            raise CommitUnknownError from error
        raise


def _roll_back(connection: Connection) -> None:
    if connection.invalidated or connection.closed:
        return
    connection.info.pop("begin", None)
    if not connection.info.pop("open", False):
        return
    try:
        connection.exec_driver_sql("ROLLBACK")
    except Exception:  # whatever it is, this connection must not be used again
        connection.invalidate()


def _remember_use(_dbapi_connection: Any, record: Any) -> None:
    record.info["last_used"] = time.monotonic()


def _ping_if_idle(dbapi_connection: Any, record: Any, _proxy: Any) -> None:
    last_used = record.info.get("last_used")
    if last_used is None or time.monotonic() - last_used < _IDLE_SECONDS_BEFORE_PING:
        return
    try:
        with dbapi_connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error as error:
        raise DisconnectionError from error
