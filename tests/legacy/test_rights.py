"""What the user of the former server's database has to be allowed: to read all of it, and nothing else.

It needs somebody who may make users, so it runs on the embedded Postgres.
"""

import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import pytest
from psycopg2.extensions import cursor as Cursor

from letta.testing.scripted_model import ScriptedModel
from tests.legacy.conftest import imported, letta, new_schema
from tests.legacy.former_server import former_server
from tests.legacy.world import fill

pytestmark = pytest.mark.slow


@contextmanager
def reader(uri: str, role: str) -> Iterator[Cursor]:
    """A user with nothing but a password, its name, who goes afterwards; and a cursor of somebody who grants things."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{role}'")
        cursor.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
        try:
            yield cursor
        finally:
            cursor.execute(f"DROP OWNED BY {role}")
            cursor.execute(f"DROP ROLE {role}")


def with_user(uri: str, user: str, password: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=f"{user}:{password}@{parts.netloc.rpartition('@')[2]}"))


def test_a_user_who_may_only_read_is_enough_and_one_who_sees_less_is_refused(
    embedded_uri: str, scripted_model: ScriptedModel, tmp_path: Path
) -> None:
    """Tables that are hidden would look like those of an older version, and row security like empty ones."""
    role = f"letta_test_reader_{secrets.token_hex(4)}"
    with (
        reader(embedded_uri, role) as cursor,
        former_server(embedded_uri, f"letta_test_former_{secrets.token_hex(4)}") as former,
        new_schema(embedded_uri, former, scripted_model, tmp_path) as environment,
    ):
        fill(former)
        cursor.execute(f"GRANT USAGE ON SCHEMA {former.schema} TO {role}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {former.schema} TO {role}")
        elsewhere = environment | {"LETTA_LEGACY_PG_URI": with_user(embedded_uri, role, role)}
        cursor.execute(f"REVOKE SELECT ON {former.schema}.conversations FROM {role}")
        refused = letta(elsewhere, "import-legacy")
        assert "(conversations) which this user may not read" in refused.stderr
        cursor.execute(f"GRANT SELECT ON {former.schema}.conversations TO {role}")
        cursor.execute(f"ALTER TABLE {former.schema}.messages ENABLE ROW LEVEL SECURITY")
        refused = letta(elsewhere, "import-legacy")
        assert "(messages) whose rows are hidden from this user by row security" in refused.stderr
        cursor.execute(f"ALTER TABLE {former.schema}.messages DISABLE ROW LEVEL SECURITY")
        wrong = letta(environment | {"LETTA_LEGACY_PG_URI": with_user(embedded_uri, role, "wrong")}, "import-legacy")
        assert "The former server's database can't be read" in wrong.stderr
        assert "correct LETTA_LEGACY_PG_URI (or --from)" in wrong.stderr
        cursor.execute("SELECT to_regnamespace(%s)", (environment["LETTA_PG_SCHEMA"],))
        assert cursor.fetchone() == (None,), "nothing was made"
        imported(elsewhere)
        assert letta(elsewhere, "import-legacy", "--verify").returncode == 0
