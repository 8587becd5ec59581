"""A start beside a former server's data says what to do, and costs nothing where something is stored here."""

import logging
from collections.abc import Callable

import pytest
from sqlalchemy import insert

from letta.agents.tables import agents
from letta.database.engine import Database
from letta.database.ids import new_id
from letta.legacy.notice import tell_of_former_server
from letta.organizations.actor import Actor
from letta.server.facts_repository import Known, known_facts
from tests.legacy.former_server import REVISION, FormerServer

pytestmark = pytest.mark.database


def test_what_was_found_is_told_with_the_command(
    database: Database, former: FormerServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        database.read_sync(tell_of_former_server, former.schema, begun=False)
    assert f"schema {former.schema} (revision {REVISION}, about 6 agents and " in caplog.text
    assert "run `letta import-legacy --dry-run`" in caplog.text


def test_other_schemas_are_passed_over(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        database.read_sync(tell_of_former_server, "pg_catalog", begun=False)
    assert caplog.text == ""


def test_another_database_is_told_without_being_asked(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        database.read_sync(tell_of_former_server, "public", begun=False, elsewhere=True)
    assert "LETTA_LEGACY_PG_URI is set to the former server's database, and this database is still empty" in caplog.text


def test_an_import_that_was_broken_off_is_told(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        database.read_sync(tell_of_former_server, "public", begun=True)
    assert "is not finished" in caplog.text
    assert Known(legacy_import='{"finished_at": null}').import_is_unfinished
    assert not Known(legacy_import='{"finished_at": "2026-01-01"}').import_is_unfinished


def test_whether_anything_is_stored_costs_no_further_statement(
    database: Database, statements: list[str], new_actor: Callable[[], Actor]
) -> None:
    actor = new_actor()
    row = {"id": new_id("agent"), "organization_id": actor.organization_id, "name": "A", "agent_type": "letta_v1_agent"}
    with database.transaction() as connection:
        connection.execute(insert(agents).values(row | {"system": "", "llm_config": {}}))
    statements.clear()
    known = database.run_sync(known_facts)
    assert not known.is_empty
    assert len([each for each in statements if "SELECT" in each]) == 2
