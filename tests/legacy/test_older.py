"""Databases of older versions, as their own migrations leave them: what they lack reads as empty, the rest is there."""

import secrets
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from letta.legacy.upstream import KNOWN_REVISIONS
from letta.testing.scripted_model import ScriptedModel
from tests.legacy.conftest import ROOT, imported, letta, new_schema
from tests.legacy.former_server import former_server
from tests.legacy.older import REVISIONS
from tests.legacy.world import ADA, fill, uid

pytestmark = [pytest.mark.slow, pytest.mark.database]


def test_all_known_revisions_are_tried() -> None:
    assert set(REVISIONS) == KNOWN_REVISIONS.keys()
    documented = (ROOT / "docs" / "migration.md").read_text()
    assert all(f"`{revision}`" in documented for revision in REVISIONS)


@pytest.mark.parametrize("revision", REVISIONS[1:])
def test_what_an_older_version_stored_is_brought_over(
    postgres_uri: str, scripted_model: ScriptedModel, tmp_path: Path, revision: str
) -> None:
    with (
        former_server(postgres_uri, f"letta_test_former_{secrets.token_hex(4)}", revision) as former,
        new_schema(postgres_uri, former, scripted_model, tmp_path) as environment,
    ):
        fill(former)
        assert f"({KNOWN_REVISIONS[revision]}, {revision})" in imported(environment)
        compared = letta(environment, "import-legacy", "--verify")
        assert compared.returncode == 0, compared.stdout + compared.stderr
        assert _context_of(postgres_uri, environment["LETTA_PG_SCHEMA"], ADA) == [
            uid("message", number) for number in (1, 2, 3, 4, 5)
        ]


def _context_of(uri: str, schema: str, agent_id: str) -> list[str]:
    with closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(
            f"SELECT message_id FROM {schema}.context_messages JOIN {schema}.conversations ON id = conversation_id "
            "WHERE agent_id = %s AND is_default ORDER BY position",
            (agent_id,),
        )
        return [row[0] for row in cursor.fetchall()]
