"""Logging: single lines to stdout, and to a small file under LETTA_DIR that may be lost.

Lines of a request carry its id, those of a turn the ids of run, agent and conversation too.
"""

import io
import json
import logging
import sys
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Literal

from letta.constants import LOG_FILE
from letta.redaction import redacted
from letta.telemetry import tracing

LogFormat = Literal["text", "json"]

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Id of the request that is being served, for log lines."""
run_facts: ContextVar[Mapping[str, str]] = ContextVar("run_facts", default={})  # noqa: B039 - never changed
"""Ids of the run that is being carried out, and what it belongs to, for log lines."""

_FORMAT = "%(asctime)s %(levelname)s %(name)s%(request)s %(message)s"
_ERRORS = "backslashreplace"
"""What can't be written as it is, is escaped: a record must never be lost, nor make another one."""
_FILE_BYTES = 2 * 1024 * 1024


def _context() -> dict[str, str]:
    """What the lines that are written now belong to."""
    current = request_id.get()
    ids = tracing.current_ids()
    return {
        **({"request_id": current} if current else {}),
        **run_facts.get(),
        **({"trace_id": ids[0], "span_id": ids[1]} if ids else {}),
    }


class _ContextFilter(logging.Filter):
    """Adds the context where a line is written: handlers may be asked elsewhere."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "context"):
            record.context = _context()
        return True


class _SingleLine(logging.Formatter):
    """Tracebacks and messages on one line, with their line ends written as ``\\n``, and without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        context: Mapping[str, str] = getattr(record, "context", {})
        # Ids of runs and agents begin with what they are.
        words = [value for name, value in context.items() if name not in {"trace_id", "span_id"}]
        record.request = f" [{' '.join(words)}]" if words else ""
        return redacted(super().format(record)).replace("\n", "\\n")


class _Json(logging.Formatter):
    """One JSON object a line, for programs that collect logs."""

    def format(self, record: logging.LogRecord) -> str:
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "context", {}),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            told["stack"] = self.formatStack(record.stack_info)
        # Before it is written as JSON: a secret with a quotation mark in it would look different afterwards.
        return json.dumps({name: redacted(value) for name, value in told.items()}, ensure_ascii=False)


class _LosableFile(RotatingFileHandler):
    """A file that may vanish or become full: it is made again, or does without what can't be written."""

    def _open(self) -> io.TextIOWrapper:
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def handleError(self, record: logging.LogRecord) -> None:
        """Called instead of raising; stdout has the record."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def configure_logging(level: str, log_file: str = LOG_FILE, log_format: LogFormat = "text") -> str | None:
    """Send logs to stdout and to a file. Returns the file, or None where it can't be written."""
    formatter = _Json() if log_format == "json" else _SingleLine(_FORMAT)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Whatever the locale says, and for the halves of characters that texts of models and clients may hold.
        sys.stdout.reconfigure(encoding="utf-8", errors=_ERRORS)
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stdout)]
    try:
        handlers.append(_LosableFile(log_file, maxBytes=_FILE_BYTES, backupCount=1, encoding="utf-8", errors=_ERRORS))
        written: str | None = log_file
    except OSError:
        written = None
    for handler in handlers:
        handler.setFormatter(formatter)
        handler.addFilter(_ContextFilter())
    logging.basicConfig(level=level.upper(), handlers=handlers, force=True)
    logging.captureWarnings(capture=True)
    for noisy in ("httpx2", "httpcore2", "openai", "uvicorn.access", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    if written is None:
        logging.getLogger(__name__).warning("there is no log file, because %s can't be written to", log_file)
    return written
