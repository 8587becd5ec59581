"""Two transactions, of which one waits for the other."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, func, select, text

from letta.database.engine import Database
from tests.support.waiting import until

T = TypeVar("T")


def behind(database: Database, first: Callable[[Connection], object], second: Callable[[], T]) -> T:
    """What ``second`` returns, which began when ``first`` was done and not yet committed, and waited for that."""
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as connection:
            first(connection)
            pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
            under_way = pool.submit(second)
            until(lambda: under_way.done() or database.read_sync(_holds_up, pid))
        return under_way.result()


def _holds_up(connection: Connection, pid: int) -> bool:
    waiting = text("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE :pid = ANY (pg_blocking_pids(pid)))")
    return bool(connection.scalar(waiting, {"pid": pid}))
