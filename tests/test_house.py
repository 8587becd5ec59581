"""Rules of the house that no other tool checks: length of files, what isn't named, what `make` offers."""

import re
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_LINES = 600
LONGER = {
    "letta/database/migrations/versions/0001_initial.py": 734,  # what was released is never rewritten
}
"""Files over the limit. Their number of lines may only go down."""

# In pieces, as this file is searched as well.
REGISTRIES = re.compile(
    "|".join((r"py" + r"pi\.org", r"python" + "hosted", r"registry\.npm" + "js", r"deb\.deb" + "ian"))
)


def tracked(*patterns: str) -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True)
    return (ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_files_stay_short_enough_to_be_known() -> None:
    lengths = {name_of(path): path.read_text().count("\n") for path in tracked("*.py")}
    too_long = {name: length for name, length in lengths.items() if length > LONGER.get(name, MOST_LINES)}
    assert too_long == {}
    assert [name for name in LONGER if lengths.get(name, 0) <= MOST_LINES] == [], "take them out of LONGER"


def test_no_package_registry_is_named() -> None:
    """Mirrors are common, and the lock's hashes make every source as good as another."""
    named = [name_of(path) for path in tracked() if REGISTRIES.search(path.read_text(errors="replace"))]
    assert named == []


def test_locks_hold_a_hash_of_everything_and_no_address() -> None:
    for lock in (ROOT / "requirements.lock", ROOT / "requirements-dev.lock"):
        text = lock.read_text()
        entries = [entry for entry in re.split(r"\n(?=\S)", text) if "==" in entry]
        assert len(entries) > 40
        assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
        assert not re.search(r"://|--index-url|--find-links| @ ", text)


def names(requirements: Iterable[str]) -> set[str]:
    return {re.split(r"[\s<>=!~\[;]", requirement)[0].lower() for requirement in requirements}


def test_locks_hold_all_that_is_asked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    server = {*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["embedded"]}
    locked = names(re.findall(r"^\S+==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    locked_for_tests = names(re.findall(r"^\S+==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    assert names(server) - locked == set(), "run `make lock`"
    assert names(project["dependency-groups"]["dev"]) - locked_for_tests == set(), "run `make lock`"
    assert locked <= locked_for_tests


@pytest.mark.parametrize("target", ["run", "test", "test-fast", "test-tools", "check", "lock", "clean"])
def test_make_tells_what_it_can_do(target: str) -> None:
    listed = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"^  make {target} +[A-Z]", listed, re.MULTILINE)
