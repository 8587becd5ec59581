"""Logging: single lines to stdout, and to a small file under LETTA_DIR."""

import io
import logging
import sys
from contextvars import ContextVar
from logging.handlers import RotatingFileHandler
from pathlib import Path

from letta.constants import LOG_FILE

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that is being served, for log lines."""

_FORMAT = "%(asctime)s %(levelname)s %(name)s%(request)s %(message)s"
_ERRORS = "backslashreplace"
"""What can't be written as it is, is escaped: a record must never be lost, nor make another one."""
_FILE_BYTES = 2 * 1024 * 1024


class _RequestFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        current = request_id.get()
        record.request = f" [{current}]" if current else ""
        return True


class _SingleLine(logging.Formatter):
    """Tracebacks and messages with their line ends written as ``\\n``, so that a record is one line."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\n", "\\n")


def _file_handler(path: str) -> logging.Handler:
    return RotatingFileHandler(path, maxBytes=_FILE_BYTES, backupCount=1, encoding="utf-8", errors=_ERRORS)


def configure_logging(level: str, log_file: str = LOG_FILE) -> str | None:
    """Send logs to stdout and to a file. Returns the file, or None where it can't be written."""
    formatter = _SingleLine(_FORMAT)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whatever the locale says, and for the halves of characters that texts of models and clients may hold.
        sys.stdout.reconfigure(encoding="utf-8", errors=_ERRORS)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    try:
        Path(log_file).parent.mkdir(parents=True, exist_ok=True)
        handlers.append(_file_handler(log_file))
        written: str | None = log_file
    except OSError:
        written = None
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_RequestFilter())
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
    for noisy in ("httpx2", "httpcore2", "openai", "uvicorn.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if written is None:
        logging.getLogger(__name__).warning("no log file: %s can't be written", log_file)
    return written
