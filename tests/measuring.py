"""Which tests coverage isn't measured of: hooks of pytest.

Measuring takes a third more of a processor's time. It tells which lines no test of the rooms reaches; tests that come
from outside, with many inputs for the same lines, say nothing about that, and are quicker without.
"""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager

import coverage
import pytest

OUTSIDE = (
    "test_persistence.py",
    "tests/agent_files/test_hostile_files.py",
    "tests/clients/",
    "tests/complaints/",
    "tests/deploy/",
    "tests/hostile/",
    "tests/persistence/test_backup.py",
    "tests/persistence/test_older_backups.py",
    "tests/pooler/",
    "tests/sandbox/test_hostile_tools.py",
)
_FOR_PROCESSES = "COVERAGE_PROCESS_CONFIG"
"""What makes processes that are started measure themselves."""

_kept: dict[str, str] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    measuring = coverage.Coverage.current() if item.nodeid.startswith(OUTSIDE) else None
    if measuring is None:
        return (yield)
    measuring.stop()
    if _FOR_PROCESSES in os.environ:
        _kept[_FOR_PROCESSES] = os.environ.pop(_FOR_PROCESSES)
    try:
        return (yield)
    finally:
        os.environ.update(_kept)
        _kept.clear()
        measuring.start()


@contextmanager
def measured() -> Iterator[None]:
    """Let processes that are started here measure themselves, whichever test is the first that needs them."""
    os.environ.update(_kept)
    try:
        yield
    finally:
        for name in _kept:
            del os.environ[name]
