"""Whatever ends an import, the next one goes on, and comes to the same; and what can't be read well is refused."""

import os
import subprocess
import sys
from contextlib import closing

import psycopg2
import pytest

from letta.testing.scripted_model import ScriptedModel
from tests.legacy.conftest import ROOT, Environment, imported, letta, new_schema
from tests.legacy.former_server import REVISION, FormerServer

pytestmark = [pytest.mark.slow, pytest.mark.database]

_TABLES = """
SELECT table_name, array_agg(quote_ident(column_name) ORDER BY ordinal_position) FROM information_schema.columns
WHERE table_schema = %s AND table_name NOT IN ('server_facts', 'alembic_version') GROUP BY 1 ORDER BY 1
"""
_MADE_HERE = {"tools", "organizations", "users"}
"""Tables with rows that each server makes for itself."""

_SECRET = {"auth_token", "custom_headers", "env", "api_key", "access_key", "access_token", "refresh_token"}


def contents(uri: str, schema: str) -> dict[str, list[str]]:
    """All rows of a schema; secrets, of which each copy is encrypted otherwise, by what they belong to alone."""
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(_TABLES, (schema,))
        found = {}
        for table, columns in cursor.fetchall():
            kept = [column for column in columns if column not in _SECRET]
            if table in {"agent_secrets", "sandbox_variables"}:
                kept.remove("value")
            if table in _MADE_HERE:
                kept = ["id"] if table != "tools" else ["name", "tool_type"]
            cursor.execute(f'SELECT CAST(ROW({", ".join(kept)}) AS text) FROM "{schema}"."{table}" ORDER BY 1')
            found[table] = [row for (row,) in cursor.fetchall()]
        return found


def crash_after(environment: Environment, pages: int) -> int:
    full = environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.legacy.crashing", str(pages)]
    return subprocess.run(command, env=full, cwd=ROOT, capture_output=True, check=False, timeout=300).returncode


def test_an_import_that_crashes_again_and_again_comes_to_the_same(
    postgres_uri: str,
    environment: Environment,
    former: FormerServer,
    scripted_model: ScriptedModel,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    imported(environment)
    whole = contents(postgres_uri, environment["LETTA_PG_SCHEMA"])
    imported(environment)
    assert contents(postgres_uri, environment["LETTA_PG_SCHEMA"]) == whole, "done twice, it comes to the same"
    with new_schema(postgres_uri, former, scripted_model, tmp_path_factory.mktemp("pieces")) as pieces:
        crashes = 0
        while (ended := crash_after(pieces, 7)) == 9:
            crashes += 1
        assert ended == 0
        assert crashes > 2
        assert contents(postgres_uri, pieces["LETTA_PG_SCHEMA"]) == whole


def test_what_cannot_be_read_well_is_refused_and_nothing_is_changed(
    environment: Environment, former: FormerServer, postgres_uri: str
) -> None:
    former.execute("UPDATE {}.alembic_version SET version_num = 'abc123abc123'")
    refused = letta(environment, "import-legacy")
    assert refused.returncode == 1
    assert "abc123abc123, which is unknown" in refused.stderr
    assert REVISION in refused.stderr
    assert "read" in letta(environment, "import-legacy", "--dry-run", "--accept-revision", "abc123abc123").stdout
    former.execute("UPDATE {}.alembic_version SET version_num = %s", REVISION)

    refused = letta(environment | {"LETTA_LEGACY_ENCRYPTION_KEY": "another"}, "import-legacy")
    assert refused.returncode == 1
    assert "LETTA_LEGACY_ENCRYPTION_KEY is not the right key" in refused.stderr
    assert "SEALED" in refused.stderr

    assert "sealed (providers)" in refused.stderr

    looked = letta(environment | {"LETTA_LEGACY_ENCRYPTION_KEY": "another"}, "import-legacy", "--dry-run")
    assert "LETTA_LEGACY_ENCRYPTION_KEY is not the right key" in looked.stderr

    refused = letta(environment | {"LETTA_LEGACY_PG_SCHEMA": "pg_catalog"}, "import-legacy")
    assert refused.returncode == 1
    assert "Schema pg_catalog does not contain the tables of the former server" in refused.stderr
    assert contents(postgres_uri, environment["LETTA_PG_SCHEMA"]) == {}

    left_out = imported(environment | {"LETTA_LEGACY_ENCRYPTION_KEY": "another"}, "--leave-locked-secrets")
    assert "SEALED of agent Ada's helper" in left_out


def test_what_differs_is_told_with_the_reason(
    environment: Environment, former: FormerServer, postgres_uri: str
) -> None:
    assert "Nothing has been imported yet" in letta(environment, "import-legacy", "--verify").stderr
    imported(environment)
    schema = environment["LETTA_PG_SCHEMA"]
    with closing(psycopg2.connect(postgres_uri)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(f"UPDATE {schema}.blocks SET value = 'edited', updated_at = now() WHERE label = 'human'")
        cursor.execute(f"DELETE FROM {schema}.passages WHERE text = 'Long.'")
    compared = letta(environment, "import-legacy", "--verify")
    assert compared.returncode == 1
    assert "1 with a different value: changed on this server since the import" in compared.stdout
    assert "1 missing: not imported yet, or deleted since the import" in compared.stdout
    assert "There are differences" in compared.stdout
