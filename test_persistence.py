"""Does this installation lose anything? Run it as `python test_persistence.py`, or as `pytest test_persistence.py`.

It looks at the settings in force, then really starts a server, writes agents and conversations through the official
client, kills the server, wipes its LETTA_DIR, starts it again and compares everything.

With LETTA_PG_URI (or DATABASE_URL, or LETTA_PG_HOST and the like) set it uses that database, in a schema of its own
(`letta_check_…`) that is dropped at the end; no other schema is touched. Else it uses an embedded Postgres in a
temporary directory. No model provider is needed or asked.

Exit codes: 0 all passed, 1 a check failed, 130 interrupted.
"""

import asyncio
import importlib.util
import logging
import os
import secrets
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from letta.constants import LETTA_DIR
from letta.errors import ConfigurationError
from letta.settings import DatabaseChoice, settings
from letta.testing.persistence import CheckFailedError
from letta.testing.persistence.restart import check_restart
from letta.testing.server import ServerFailedError

CLIENT = "letta-client==1.12.1"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def letta_dir() -> str:
    """The directory that the server writes to, and that it can be written to."""
    if Path(LETTA_DIR) != settings.letta_dir:
        raise CheckFailedError(f"letta.constants says {LETTA_DIR}, the settings say {settings.letta_dir}.")
    trial = Path(LETTA_DIR) / f"trial-{secrets.token_hex(8)}"
    try:
        trial.parent.mkdir(parents=True, exist_ok=True)
        trial.write_text("x")
        trial.unlink()
    except OSError as error:
        raise CheckFailedError(f"{LETTA_DIR} can't be written to: {error}. {_another_directory()}") from None
    return f"LETTA_DIR constant: {LETTA_DIR}"


def _another_directory() -> str:
    """The remedy; two users of one machine share the default, which belongs to the first of them."""
    path, user = Path(LETTA_DIR), os.geteuid()
    owner = path.stat().st_uid if path.exists() else user
    whose = f"It belongs to user id {owner}, you are {user}. " if owner != user else ""
    return f"{whose}Set LETTA_DIR to a directory of your own, such as /tmp/letta-{user}."


def database_engine() -> str:
    """The storage engine."""
    if settings.database_engine is not DatabaseChoice.POSTGRES:
        raise CheckFailedError(f"The database engine is {settings.database_engine}, not Postgres.")
    return f"Database engine: {settings.database_engine}"


def recall_storage() -> str:
    """Where messages are kept."""
    from letta.config import LettaConfig

    return f"Recall storage type: {_postgres(LettaConfig.load().recall_storage_type)}"


def archival_storage() -> str:
    """Where long-term memories are kept."""
    from letta.config import LettaConfig

    return f"Archival storage type: {_postgres(LettaConfig.load().archival_storage_type)}"


def _postgres(kind: str) -> str:
    if kind != "postgres":
        raise CheckFailedError(f"The configuration says {kind}, not postgres.")
    return kind


def log_file() -> str:
    """The server's log file, and that it is written."""
    with _server_logging() as path:
        if path is None or path != Path(LETTA_DIR) / "logs" / "Letta.log":
            raise CheckFailedError(f"The log goes to {path}, not to LETTA_DIR/logs/Letta.log.")
        mark = secrets.token_hex(8)
        logging.getLogger("letta.check").warning("a line of test_persistence.py, %s", mark)
        if mark not in path.read_text(errors="replace"):
            raise CheckFailedError(f"{path} doesn't get what is logged.")
    return f"Log file created at: {path}"


@contextmanager
def _server_logging() -> Iterator[Path | None]:
    """Log as the server does, but to the file alone; yields that file."""
    from letta.log import configure_logging

    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging(settings.log_level)
    ours = root.handlers[:]
    files = [handler for handler in ours if isinstance(handler, RotatingFileHandler)]
    root.handlers[:] = files
    root.setLevel(logging.INFO)
    try:
        yield Path(files[0].baseFilename) if files else None
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        for handler in files:
            handler.close()


def server_classes() -> str:
    """The names that scripts import, and that the application answers."""
    from letta.server.rest_api.app import app
    from letta.server.server import SyncServer

    status = asyncio.run(_status(app, "/v1/health/"))
    if status != 200:
        raise CheckFailedError(f"letta.server.rest_api.app.app answers {status} when asked for its health.")
    if not callable(getattr(SyncServer, "start", None)):
        raise CheckFailedError("letta.server.server.SyncServer can't be started.")
    return "Server classes import successfully"


async def _status(app: FastAPI, path: str) -> int:
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://letta", trust_env=False) as client:
        return (await client.get(path)).status_code


CHECKS: tuple[Callable[[], str], ...] = (
    letta_dir,
    database_engine,
    recall_storage,
    archival_storage,
    log_file,
    server_classes,
)


def nothing_is_lost(say: Callable[[str], None]) -> None:
    """Write, kill, wipe, start again, compare."""
    if importlib.util.find_spec("letta_client") is None:
        command = f"{sys.executable} -m pip install {CLIENT}"
        raise CheckFailedError(f"The official client isn't installed. Install it with: {command}")
    try:
        check_restart(settings, say)
    except (ConfigurationError, ServerFailedError) as error:
        raise CheckFailedError(str(error)) from error


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_installation(check: Callable[[], str]) -> None:
    print(check())


@pytest.mark.slow
def test_nothing_is_lost() -> None:
    with _interruptible():
        nothing_is_lost(print)


def main() -> int:
    """Run all checks; returns the exit code."""
    name = ""
    try:
        _catch_signals()
        for check in CHECKS:
            name = check.__name__
            _say(check())
        name = nothing_is_lost.__name__
        nothing_is_lost(_say)
    except CheckFailedError as failure:
        _say(f"FAILED ({name}): {failure}")
        return 1
    except KeyboardInterrupt:
        _say(f"INTERRUPTED ({name}); what had been created is removed")
        return 130
    except Exception as error:
        traceback.print_exc()
        _say(f"FAILED ({name}): {type(error).__name__}: {error}")
        return 1
    _say("ALL TESTS PASSED")
    return 0


@contextmanager
def _interruptible() -> Iterator[None]:
    """Within pytest, which would die of SIGTERM on the spot, and hear SIGINT again while it removes things."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    _catch_signals()
    try:
        yield
    finally:
        # Not after an interruption: what comes then is the end of pytest, which is left in peace.
        if signal.getsignal(signal.SIGINT) is _interrupt:
            for number, handler in before.items():
                signal.signal(number, handler)


def _catch_signals() -> None:
    for number in _SIGNALS:
        signal.signal(number, _interrupt)


def _interrupt(_number: int, _frame: object) -> None:
    # Once is enough: what follows is the removal of what was created, which must not be interrupted again.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
