"""Another encryption key for all that is secret: all or nothing, and nobody writes with the old one afterwards."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg2
import pytest
from sqlalchemy import Boolean, Column, Connection, DateTime, Integer, Text, insert, select, text, type_coerce

from letta.database.all_tables import metadata
from letta.database.dsn import parse_dsn
from letta.database.encryption import EncryptedText, Keyring, keyring
from letta.database.engine import Database
from letta.database.migrations import migrate
from letta.errors import ConfigurationError
from letta.server import facts_repository, rotate_key
from letta.testing.scripted_model import ScriptedModel
from letta.testing.server import ServerProcess
from tests.support.servers import environment_of

ROOT = Path(__file__).resolve().parents[2]
SEALED = [(table, column) for table in metadata.sorted_tables for column in table.columns]
SEALED = [(table, column) for table, column in SEALED if isinstance(column.type, EncryptedText)]
"""Every encrypted column there is: whoever adds one has it in these tests."""


class _RolledBackError(Exception):
    pass


def ring(key: str) -> Keyring:
    made = Keyring()
    made.load(key)
    return made


@pytest.fixture
def old() -> Iterator[str]:
    """The key in force in this process, while a test runs."""
    keyring.load("the old key")
    yield "the old key"
    keyring.load(None)


@pytest.fixture
def as_superuser(embedded_uri: str) -> Iterator[Database]:
    """A database that lets foreign keys be, if it is told to."""
    opened = Database(parse_dsn(embedded_uri))
    migrate(opened)
    yield opened
    opened.close()


@pytest.fixture
def filled(as_superuser: Database, old: str) -> Iterator[Connection]:
    """A transaction in which each table that has something secret has a row, and which is rolled back."""
    with suppress(_RolledBackError), as_superuser.transaction() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))  # without foreign keys
        facts_repository.replace_fingerprint(connection, str(ring(old).fingerprint))
        for table in {table for table, _ in SEALED}:
            connection.execute(insert(table).values({column: filler(column) for column in needed(table)}))
        yield connection
        raise _RolledBackError


def needed(table: Any) -> list[Column[Any]]:
    return [
        column
        for column in table.columns
        if isinstance(column.type, EncryptedText)
        or not (column.nullable or column.default is not None or column.server_default is not None)
    ]


def filler(column: Column[Any]) -> Any:
    if isinstance(column.type, EncryptedText):
        return f"secret of {column}"
    kinds = {Text: "x", DateTime: datetime.now(UTC), Integer: 1, Boolean: True}
    return next((value for kind, value in kinds.items() if isinstance(column.type, kind)), {})


def opened(key: Keyring, sealed: str, column: Column[str]) -> str:
    assert isinstance(column.type, EncryptedText)
    return "" if sealed.startswith("v1:another") else key.decrypt(sealed, column.type.context)


def stored(connection: Connection) -> dict[str, list[str]]:
    return {
        str(column): list(connection.scalars(select(type_coerce(column, Text)).where(column.is_not(None))))
        for _, column in SEALED
    }


def test_every_encrypted_column_is_encrypted_anew(filled: Connection, old: str) -> None:
    new = ring("the new key")
    done = rotate_key._resealed(filled, ring(old), new)
    assert done is not None
    assert {place for place, count in done.counts.items() if count} == {str(column) for _, column in SEALED}
    for _, column in SEALED:
        texts = {opened(new, sealed, column) for sealed in stored(filled)[str(column)]}
        assert f"secret of {column}" in texts
    assert facts_repository.known_fingerprint(filled) == new.fingerprint
    assert rotate_key._resealed(filled, ring(old), new) is None, "a second time there is nothing to do"


def test_a_wrong_old_key_changes_nothing(filled: Connection) -> None:
    before, known = stored(filled), facts_repository.known_fingerprint(filled)
    with pytest.raises(ConfigurationError, match=r"is not the key .* Nothing was changed"):
        rotate_key._resealed(filled, ring("a wrong key"), ring("the new key"))
    assert (stored(filled), facts_repository.known_fingerprint(filled)) == (before, known)


@pytest.mark.parametrize(("value", "result"), [("plain:in clear", "in clear"), ("v1:of another:AAAA", None)])
def test_what_was_in_clear_is_encrypted_and_what_is_damaged_stays(
    filled: Connection, old: str, value: str, result: str | None
) -> None:
    table, column = SEALED[0]
    filled.execute(text(f"UPDATE {table.fullname} SET {column.name} = :value"), {"value": value})
    done = rotate_key._resealed(filled, ring(old), ring("the new key"))
    now = stored(filled)[str(column)]
    assert done is not None
    if result is None:
        assert (set(now), done.unreadable) == ({value}, {str(column): len(now)})
    else:
        assert {opened(ring("the new key"), sealed, column) for sealed in now} == {result}


def test_secrets_are_encrypted_by_columns_alone() -> None:
    """What is encrypted in another way, such as within JSON, would be missed by a change of the key."""
    allowed = {"letta/database/encryption.py", "letta/server/sealed_repository.py"}
    users = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "letta").rglob("*.py")
        if any(word in path.read_text() for word in ("keyring.encrypt(", ".encrypt(", "keyring.decrypt("))
    }
    assert users == allowed


@pytest.mark.slow
def test_a_running_server_with_the_old_key_says_so_and_a_new_start_reads_everything(
    postgres_uri: str, scripted_model: ScriptedModel, tmp_path: Path
) -> None:
    from letta.testing.postgres import throwaway_schema

    file = tmp_path / "new"
    file.write_text("key-number-two\n")
    with throwaway_schema(postgres_uri) as schema:
        environment = environment_of(postgres_uri, schema, scripted_model) | {"LETTA_ENCRYPTION_KEY": "key-number-one"}
        with ServerProcess(environment, directory=tmp_path / "server") as server:
            agent = create(server, "first").json()["id"]
            wrong = letta(environment | {"LETTA_ENCRYPTION_KEY": "a-wrong-key"}, str(file))
            assert (wrong.returncode, "Nothing was changed" in wrong.stderr) == (1, True)
            assert secret(server, agent) == "first"
            done = letta(environment, str(file))
            assert (done.returncode, "1 in agent_secrets.value" in done.stdout) == (0, True), done.stderr
            assert "key-number-two" not in done.stdout
            refused = create(server, "second")
            assert refused.status_code == 503
            assert "encryption key was changed" in refused.json()["detail"]
            for path in (f"/v1/agents/{agent}?include=agent.secrets", "/v1/ready"):
                unread = httpx2.get(server.url + path, trust_env=False)
                assert unread.status_code == 503
                assert "encryption key was changed" in unread.json()["detail"]
            again = letta(environment, str(file))
            assert (again.returncode, "already" in again.stdout) == (0, True)
            server.restart(LETTA_ENCRYPTION_KEY="key-number-two")
            assert secret(server, agent) == "first"
            assert create(server, "third").status_code == 200


@pytest.mark.slow
def test_the_key_beside_an_embedded_database_is_replaced_even_if_it_ends_in_between(
    data: Path, tmp_path: Path, letta: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    with ServerProcess({"LETTA_PG_DATA": str(data)}, directory=tmp_path / "server"):
        key = data / "encryption-key"
        first = key.read_text()
    done = letta("rotate-encryption-key")
    assert (done.returncode, done.stderr) == (0, "")
    second = key.read_text()
    assert second != first
    key.write_text(first)  # as if it had ended after the commit
    (data / "encryption-key.next").write_text(second)
    assert letta("migrate").returncode == 1
    assert letta("rotate-encryption-key").returncode == 0
    assert (key.read_text(), letta("migrate").returncode) == (second, 0)
    assert not (data / "encryption-key.next").exists()


def letta(environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "letta.cli", "rotate-encryption-key", *arguments]
    return subprocess.run(
        command, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


def create(server: ServerProcess, value: str) -> httpx2.Response:
    body = {"name": value, "model": "openai-proxy/gpt-4o", "secrets": {"TOKEN": value}}
    return httpx2.post(f"{server.url}/v1/agents", json=body, trust_env=False, timeout=30)


def secret(server: ServerProcess, agent_id: str) -> str:
    path = f"{server.url}/v1/agents/{agent_id}?include=agent.secrets"
    (found,) = httpx2.get(path, trust_env=False, timeout=30).json()["secrets"]
    return str(found["value"])


@pytest.mark.slow
def test_what_no_key_opens_any_more_makes_nothing_unreadable(server_environment: dict[str, str]) -> None:
    """A secret that an earlier change of the key has left behind is empty; the others are read."""
    with ServerProcess(server_environment) as server:
        agent = create(server, "first").json()["id"]
        table = f"{server_environment['LETTA_PG_SCHEMA']}.agent_secrets"
        with closing(psycopg2.connect(server_environment["LETTA_PG_URI"])) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET value = 'v1:0123456789abcdef:AAAA' WHERE agent_id = %s", (agent,))
        assert secret(server, agent) == ""
        assert secret(server, create(server, "second").json()["id"]) == "second"
        assert httpx2.get(f"{server.url}/v1/ready", trust_env=False).status_code == 200
