"""Which tests can't run here, whether that is a failure, and which are slow: hooks of pytest.

Tests that need a tool (markers `container`, `pooler`, `browser`) are skipped where it is missing; `make test-tools`
installs it. With LETTA_TEST_NO_SKIPS set, as in CI, every skipped test fails.
"""

import os
import shutil
from collections.abc import Generator, Sequence

import pytest

TOOLS = {
    "container": ("buildah", "podman", "runc", "mmdebstrap"),
    "pooler": ("pgbouncer", "openssl"),
    "browser": ("chromium",),
}
_SERVERS = {"server", "server_environment"}
"""Fixtures of tests that speak to a server in a process of its own, the shared one or theirs."""
_NEEDS_ROOT = {"container"}
ONCE = (
    "tests/agent_files/test_hostile_files.py",
    "tests/archives/test_bad_input.py",
    "tests/clients/",
    "tests/complaints/test_code_execution_and_open_doors.py",
    "tests/complaints/test_mcp_hangs.py",
    "tests/complaints/test_useless_errors.py",
    "tests/completions/",
    "tests/console/",
    "tests/deploy/test_crowd.py",
    "tests/deploy/test_proxies.py",
    "tests/deploy/test_small_instance.py",
    "tests/deploy/test_start_script.py",
    "tests/docs/",
    "tests/hostile/",
    "tests/http/",
    "tests/llm/",
    "tests/mcp/",
    "tests/persistence/test_older_backups.py",
    "tests/runs/test_recorder.py",
    "tests/telemetry/",
    "tests/testing/",
    "tests/web_tools/",
)
"""Tests whose subject lies above the database, or that repeat statements which others make: what they say wouldn't be
another thing behind a pooler, and `make test-pooler` leaves them out."""

# Debian keeps servers out of an ordinary user's PATH.
SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    reasons = {marker: _obstacle(marker) for marker in TOOLS}
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if "postgres_uri" in fixtures:
            item.add_marker("database")
        if item.nodeid.startswith(ONCE):
            item.add_marker("once")
        if _SERVERS & set(fixtures):
            item.add_marker("slow")
        for marker, reason in reasons.items():
            if reason and item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    skipped = report.skipped and not hasattr(report, "wasxfail")
    if skipped and os.environ.get("LETTA_TEST_NO_SKIPS"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"LETTA_TEST_NO_SKIPS is set, and this test was skipped. {reason}"
    return report


def _obstacle(marker: str) -> str | None:
    missing = [tool for tool in TOOLS[marker] if not shutil.which(tool, path=SEARCH_PATH)]
    if missing:
        return f"needs {', '.join(missing)}: make test-tools"
    return "needs root" if marker in _NEEDS_ROOT and os.geteuid() != 0 else None
