"""The former server came on an old base image as root, with a database that was out of date, and broke its clients."""

import re
import tomllib
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile.render").read_text()


def stages() -> list[str]:
    return re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)


def test_the_base_is_a_slim_python_of_today_and_no_database() -> None:
    (version,) = {image.partition(":")[2] for image in stages()}
    assert {image.partition(":")[0] for image in stages()} == {"python"}
    python = re.fullmatch(r"(\d+)\.(\d+)-slim-\w+", version)
    assert python, "a named release of the system, in its small form"
    assert (int(python[1]), int(python[2])) >= (3, 13)
    assert not re.search(r"postgres(ql)?-\d|pgvector|apt-get install", DOCKERFILE.partition("FROM")[2])


def test_it_runs_as_an_ordinary_user() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+)", last, re.MULTILINE)
    assert int(user) >= 1000
    assert last.index("USER ") < last.index('CMD ["./start')


def test_what_is_installed_is_pinned_by_its_hash() -> None:
    assert "--require-hashes" in DOCKERFILE
    assert "--only-binary :all:" in DOCKERFILE
    entries = re.split(r"\n(?=\S)", (ROOT / "requirements.lock").read_text())
    assert all("--hash=sha256:" in entry for entry in entries if "==" in entry)


@pytest.mark.slow
def test_the_database_that_comes_along_is_of_today(embedded_uri: str) -> None:
    """The former image had Postgres 15 with pgvector 0.5.1."""
    with closing(psycopg2.connect(embedded_uri)) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        (postgres,) = cursor.fetchall()
        cursor.execute("SELECT default_version FROM pg_available_extensions WHERE name = 'vector'")
        (vector,) = cursor.fetchall()
    assert int(postgres[0]) >= 180000
    assert tuple(map(int, vector[0].split(".")))[:2] >= (0, 8)


def test_several_versions_of_the_official_clients_are_part_of_the_tests() -> None:
    """Clients broke with every release. What is promised is what is tested."""
    promised = (ROOT / "docs/compatibility.md").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "letta-client==1.12.1" in project["dependency-groups"]["dev"]
    assert "letta-client==1.7.12" in (ROOT / "tests/clients/requirements-1.7.12.txt").read_text()
    for version in ("1.7.12", "1.12.1", "@letta-ai/letta-client"):
        assert version in promised
    tested = "".join(path.read_text() for path in (ROOT / "tests/clients").glob("test_*.py"))
    for client in ("test_the_newest_python_client", "test_the_oldest_python_client", "typescript", "letta_code"):
        assert client in tested
