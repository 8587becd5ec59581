"""What is skipped, and when that is a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.skips import ONCE

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
TESTS = """
import pytest

@pytest.mark.skip(reason="because of the weather")
def test_skipped(): ...

@pytest.mark.xfail
def test_known_to_fail(): assert False

@pytest.mark.browser
def test_with_a_browser(): ...

def test_with_a_database(request, postgres_uri):
    assert request.node.get_closest_marker("database")
"""
CONFTEST = """
import pytest
from tests.skips import pytest_collection_modifyitems, pytest_runtest_makereport

@pytest.fixture
def postgres_uri(): ...
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "test_some.py").write_text(TESTS)
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    browser:\n    database:\n    once:\n")
    return tmp_path


def run(project: Path, **variables: str) -> str:
    environment = {"PATH": str(project), "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "pytest", "-rsf", "-p", "no:cacheprovider", str(project)]
    done = subprocess.run(command, env=environment, cwd=project, capture_output=True, text=True, check=False)
    return done.stdout


def test_what_is_left_out_behind_a_pooler_is_there() -> None:
    assert [place for place in ONCE if not (ROOT / place).exists()] == []


def test_a_tool_that_is_missing_is_named_with_the_remedy(project: Path) -> None:
    output = run(project)
    assert "2 skipped, 1 xfailed" in output
    assert "because of the weather" in output
    assert "needs chromium: make test-tools" in output


def test_nothing_may_be_skipped_where_all_tools_should_be(project: Path) -> None:
    (project / "chromium").touch()
    (project / "chromium").chmod(0o755)
    output = run(project, LETTA_TEST_NO_SKIPS="1", PATH=f"{project}{os.pathsep}{os.defpath}")
    assert "2 passed, 1 xfailed, 1 error" in output
    assert "LETTA_TEST_NO_SKIPS is set, and this test was skipped" in output
    assert "because of the weather" in output
